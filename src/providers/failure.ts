import { Problem } from '../http/errors.ts'
import { noteOrigin, type FailureOrigin } from '../http/failure-origin.ts'

/** The steps of a login at a provider, as `detail` names them. */
export type Step = 'discovery' | 'authorization response' | 'token exchange' | 'token refresh' | 'keys' | 'user info'
  | 'profile' | 'emails' | 'memberships' | 'revocation'

/** What a provider responded with its failure, for the log. */
export type ProviderResponse = Pick<FailureOrigin, 'providerStatus' | 'providerError'>

/**
 * A provider that failed. `reason` is never in the provider's words, which may hold a token, a code or markup: of those
 * only the log has one, `response.providerError`.
 */
export function providerError (provider: string, step: Step, reason: string, response: ProviderResponse = {}): Problem {
  const problem = new Problem('provider_error', `${provider}: the ${step} failed: ${reason}.`)
  return noteOrigin(problem, { step, reason, ...response })
}

export function providerTimeout (provider: string, step: Step): Problem {
  return noteOrigin(new Problem('provider_timeout', `${provider}: the ${step} took too long.`), { step })
}

/** An event that its provider did not sign, or not for this service, or that is too old. */
export function invalidEvent (provider: string, reason: string): Problem {
  return new Problem('invalid_event', `${provider}: the event does not verify: ${reason}.`)
}

export function invalidIdToken (provider: string, reason: string): Problem {
  const problem = new Problem('invalid_id_token', `${provider}: the ID token does not verify: ${reason}.`)
  return noteOrigin(problem, { step: 'ID token', reason })
}
