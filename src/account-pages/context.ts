import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { Clients } from '../clients/clients.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import type { SendPersonPage } from '../page-sessions/layout.ts'
import type { VisitOptions } from '../page-sessions/visit.ts'
import type { Providers } from '../providers/registry.ts'
import type { LoginAttempts } from '../sign-in/login-attempt.ts'
import type { SignInService } from '../sign-in/service.ts'
import type { Resources } from '../tokens/resources.ts'
import type { Sealer } from '../vault/sealing.ts'

export interface AccountPageOptions extends VisitOptions {
  providers: Providers
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
  clients: Pick<Clients, 'find' | 'isThirdParty'>
  resources: Pick<Resources, 'find'>
  /** Of the cookie of an account that is being linked. */
  linkSealer: Sealer
}

export interface AccountPageContext extends AccountPageOptions { sendPersonPage: SendPersonPage }

export type AccountPages = FastifyPluginAsyncTypebox<AccountPageContext>

export const TAG = 'Account pages'
