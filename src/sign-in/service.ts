import { createHash, randomBytes } from 'node:crypto'
import type { Caller } from '../audit/audit-event.ts'
import type { AuditRepository } from '../audit/repository.ts'
import { Problem, type ProblemCode } from '../errors.ts'
import type { Profile, Provider } from '../providers/provider.ts'
import type { Providers } from '../providers/registry.ts'
import { OWN_CLIENT_ID } from '../sessions/session.ts'
import type { SessionService, TokenResponse } from '../sessions/service.ts'
import type { User } from '../users/user.ts'
import { ATTEMPT_LIFETIME_SECONDS, type CodeHandOver, type HandOver, type LoginAttempt, type LoginAttempts } from './login-attempt.ts'
import type { NewSession, SignedIn, SignInPolicy, SignInRepository } from './repository.ts'

/** What the provider sent the browser back with; every member once, as text. */
export interface CallbackParameters {
  state: string
  code: string | undefined
  iss: string | undefined
  error: string | undefined
  /** Apple's, beside the first code; may hold any text. */
  user: string | undefined
}

export interface SignInService {
  /** Starts a login and says where to send the browser and what cookie to give it. Writes nothing. */
  start: (providerId: string, handOver: HandOver) => Promise<{ url: string, cookie: { name: string, value: string }, provider: Provider }>
  /**
   * Ends a login that this browser started. Spends the state first, then asks the provider, then writes user, account
   * and session in one transaction. Throws a Problem with a code of the table in api.md section 2.
   */
  finish: (attempt: LoginAttempt, parameters: CallbackParameters, caller: Caller) => Promise<FinishedSignIn>
}

/** Tokens for whoever holds the browser, a code for the client that asked, or a session that waits for a confirmation. */
export type FinishedSignIn = { tokens: TokenResponse, user: User } | { code: string } | { sessionId: string, user: User }

export interface SignInServiceOptions {
  issuerUrl: string
  providers: Providers
  attempts: LoginAttempts
  repository: SignInRepository
  sessions: SessionService
  audit: AuditRepository
  policy: SignInPolicy
  idleSeconds: number
  maximumSeconds: number
  onOutcome: (provider: string, outcome: 'succeeded' | ProblemCode | 'internal_error') => void
  onAuditFailure: (error: unknown) => void
}

/** A login may take this long in all, after the browser has come back (SEC-85). */
const LOGIN_TIMEOUT_MS = 15_000

/** RFC 6749 section 4.1.2 allows ten minutes; nobody needs them. */
const CODE_LIFETIME_SECONDS = 60

/** How providers say that the person said no (LinkedIn has words of its own). */
const DENIED = ['access_denied', 'user_cancelled_login', 'user_cancelled_authorize']

export function createSignInService (options: SignInServiceOptions): SignInService {
  const { providers, attempts, repository, sessions, audit } = options
  const redirectUri = (provider: Provider) => `${options.issuerUrl}/login/${provider.id}/callback`

  function findProvider (id: string): Provider {
    const provider = providers.get(id)
    if (!provider) throw new Problem('unknown_provider', `There is no provider "${id}" here.`)
    return provider
  }

  async function finish (attempt: LoginAttempt, { state, code, iss, error, user }: CallbackParameters, caller: Caller): Promise<FinishedSignIn> {
    const provider = findProvider(attempt.provider)
    // Longer than the attempt can live, so that a state is never forgotten while its cookie still opens.
    const forgetAt = new Date(attempt.startedAt + 2 * ATTEMPT_LIFETIME_SECONDS * 1000)
    if (!await repository.spendState(attempts.stateHash(state), forgetAt)) throw new Problem('invalid_state', 'This sign-in was already completed. Start again.')
    if (error !== undefined) throw refusal(provider, error)
    if (code === undefined) throw new Problem('invalid_request', 'The provider sent the browser back without a code.')

    const signal = AbortSignal.timeout(LOGIN_TIMEOUT_MS)
    const late = new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Problem('provider_timeout', `${provider.name}: the sign-in took too long.`)), { once: true })
    })
    const { nonce, codeVerifier } = attempt
    const identified = provider.identify({ code, iss, user, redirectUri: redirectUri(provider), nonce, codeVerifier, signal })
    const { profile } = await Promise.race([identified, late])
    const { handOver } = attempt
    if (handOver.mode === 'code') return await handOverCode(handOver, profile, caller)
    if (handOver.mode === 'device') return await handOverSession(handOver, profile, caller)
    return await handOverTokens(profile, caller)
  }

  async function signIn (profile: Profile, session: Omit<NewSession, 'maximumSeconds'>, caller: Caller): Promise<SignedIn> {
    const signedIn = await repository.signIn(profile, { ...session, maximumSeconds: options.maximumSeconds }, options.policy, caller)
    if (signedIn === 'refused') throw new Problem('account_disabled', 'An administrator has disabled this account.')
    return signedIn
  }

  async function handOverTokens (profile: Profile, caller: Caller): Promise<FinishedSignIn> {
    const { secret, secretHash } = sessions.newSecret()
    const session = { clientId: OWN_CLIENT_ID, scope: '', secretHash, idleSeconds: options.idleSeconds }
    const { user, sessionId, authenticatedAt } = await signIn(profile, session, caller)
    const grant = { sessionId, userId: user.id, clientId: session.clientId, scope: session.scope, roles: user.roles, authenticatedAt }
    return { tokens: sessions.issue(grant, secret), user }
  }

  /** The session is there at once, but lives no longer than the code until the code is exchanged. */
  async function handOverCode (handOver: CodeHandOver, profile: Profile, caller: Caller): Promise<FinishedSignIn> {
    const { clientId, scope, redirectUri, codeChallenge, nonce } = handOver
    const code = randomBytes(32).toString('base64url')
    await signIn(profile, {
      clientId,
      scope,
      secretHash: sessions.newSecret().secretHash,
      idleSeconds: CODE_LIFETIME_SECONDS,
      code: { hash: createHash('sha256').update(code).digest(), redirectUri, codeChallenge, nonce: nonce ?? null, lifetimeSeconds: CODE_LIFETIME_SECONDS }
    }, caller)
    return { code }
  }

  /** The session waits, for as long as the device does, for the person to confirm. */
  async function handOverSession ({ clientId, scope }: { clientId: string, scope: string }, profile: Profile, caller: Caller): Promise<FinishedSignIn> {
    const { secretHash } = sessions.newSecret()
    return await signIn(profile, { clientId, scope, secretHash, idleSeconds: ATTEMPT_LIFETIME_SECONDS }, caller)
  }

  return {
    async start (providerId, handOver) {
      const provider = findProvider(providerId)
      const { attempt, state, cookie, codeChallenge } = attempts.begin(provider.id, handOver)
      const url = await provider.authorizationUrl({ redirectUri: redirectUri(provider), state, nonce: attempt.nonce, codeChallenge })
      return { url, cookie, provider }
    },

    async finish (attempt, parameters, caller) {
      try {
        const result = await finish(attempt, parameters, caller)
        options.onOutcome(attempt.provider, 'succeeded')
        return result
      } catch (error) {
        const code = error instanceof Problem ? error.code : 'internal_error'
        options.onOutcome(attempt.provider, code)
        await audit.record({ type: 'login.failed', caller, provider: attempt.provider, details: { code } }).catch(options.onAuditFailure)
        throw error
      }
    }
  }
}

/** The provider's own words are not passed on: they may hold anything (SEC-11). */
function refusal (provider: Provider, error: string): Problem {
  return DENIED.includes(error)
    ? new Problem('access_denied', `The sign-in at ${provider.name} was declined.`)
    : new Problem('provider_error', `${provider.name}: the authorization response was an error.`)
}
