import type { FailureOrigin } from '../http/failure-origin.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import type { LoginCompletion } from './login-attempt.ts'

/** Which login failed, for the log and the audit trail. */
export type LoginOrigin = FailureOrigin & { mode: string, clientId: string }

export function originOfLogin (completion: LoginCompletion): LoginOrigin {
  const mode = completion.mode === 'code' ? completion.intent ?? 'code' : completion.mode
  return { mode, clientId: 'clientId' in completion ? completion.clientId : OWN_CLIENT_ID }
}
