import { createHash } from 'node:crypto'
import type { Caller } from '../http/caller.ts'
import type { AuditRepository } from '../audit/repository.ts'
import { isDatabaseUnavailable } from '../database/unavailable.ts'
import { OAuthError, Problem, type OAuthErrorCode } from '../http/errors.ts'
import { noteOrigin, originOf, toErrorWord } from '../http/failure-origin.ts'
import { withTimeout } from '../http/with-timeout.ts'
import { providerError } from '../providers/failure.ts'
import { ID_TOKEN_MAX_AGE_SECONDS } from '../providers/id-token.ts'
import type { LoginParameters } from '../providers/login-parameters.ts'
import type { Provider } from '../providers/provider.ts'
import type { Providers } from '../providers/registry.ts'
import type { TokenResponse } from '../sessions/service.ts'
import type { CallbackParameters } from './callback-parameters.ts'
import {
  createCompletions, type CompletedSignIn, type CompletionOptions, type RequestedSession
} from './completions.ts'
import {
  ATTEMPT_LIFETIME_SECONDS, type LoginAttempt, type LoginAttempts, type LoginCompletion
} from './login-attempt.ts'
import { originOfLogin, type LoginOrigin } from './login-origin.ts'
import { STAGE_STEPS, type LoginStage } from './login-stage.ts'
import type { SignInRepository } from './repository.ts'
import { SignInRefused } from './sign-in.ts'

export interface StartedLogin {
  url: string
  cookie: { name: string, value: string }
  provider: Provider
}

export interface SignInService {
  /**
   * Starts a login and says where to send the browser and what cookie to give it. The provider is asked for
   * `parameters`. Writes nothing.
   */
  start: (providerId: string, completion: LoginCompletion, parameters?: LoginParameters) => Promise<StartedLogin>
  /**
   * Ends a login that this browser started. Spends the state first, then asks the provider, then writes user, account
   * and session in one transaction. Throws a Problem; the codes are in the OpenAPI document
   * (`GET /login/:provider/callback`).
   */
  finish: (attempt: LoginAttempt, parameters: CallbackParameters, caller: Caller) => Promise<CompletedSignIn>
  /**
   * Signs in by an ID token that an app brings from the provider's own SDK. Each works once. Throws an OAuthError:
   * `invalid_request`, `invalid_grant`, `server_error` (502) or `temporarily_unavailable` (504).
   */
  signInNatively: (request: NativeSignIn, caller: Caller) => Promise<TokenResponse>
}

export interface NativeSignIn extends RequestedSession {
  provider: string
  idToken: string
  nonce: string | undefined
  /** Apple's authorization code, so that its grant can be revoked. */
  code?: string | undefined
  /** The person's name, which Apple tells the app alone. */
  name?: string | undefined
}

type OnStage = (stage: LoginStage) => void

export interface SignInServiceOptions extends CompletionOptions {
  providers: Providers
  attempts: LoginAttempts
  repository: Pick<SignInRepository, 'spendState'>
  audit: AuditRepository
  /** A login passed a stage or, with the error, ended there. */
  onStage: (provider: string, stage: LoginStage, error?: unknown) => void
  onAuditFailure: (error: unknown) => void
}

/** A login may take this long in all, after the browser has come back (SEC-85). */
const LOGIN_TIMEOUT_MS = 15_000

/** How far a provider's clock may be behind ours. */
const AUTH_TIME_TOLERANCE_SECONDS = 30

/** How providers say that the person said no (LinkedIn has words of its own). */
const DENIED = ['access_denied', 'user_cancelled_login', 'user_cancelled_authorize']

export function createSignInService (options: SignInServiceOptions): SignInService {
  const { providers, attempts, repository, audit } = options
  const { complete, openSession } = createCompletions(options)

  function findProvider (id: string): Provider {
    const provider = providers.get(id)
    if (!provider) throw new Problem('unknown_provider', `There is no provider "${id}" here.`)
    return provider
  }

  async function finish (
    attempt: LoginAttempt,
    { state, code, iss, error, user }: CallbackParameters,
    caller: Caller,
    reached: OnStage
  ): Promise<CompletedSignIn> {
    const provider = findProvider(attempt.provider)
    // Longer than the attempt can live, so that a state is never forgotten while its cookie still opens.
    const forgetAt = new Date(attempt.startedAt + 2 * ATTEMPT_LIFETIME_SECONDS * 1000)
    if (!(await repository.spendState(attempts.stateHash(state), forgetAt))) {
      throw new Problem('invalid_state', 'This sign-in was already completed. Start again.')
    }
    // RFC 9207 section 2.4: neither the code nor the error of another issuer counts (mix-up).
    if (iss !== undefined && !provider.isResponseIssuer(iss)) {
      throw providerError(provider.name, 'authorization response', 'iss names another issuer')
    }
    if (error !== undefined) throw refusal(provider, error)
    if (code === undefined) throw new Problem('invalid_request', 'The provider sent the browser back without a code.')

    reached('identified')
    const who = await withTimeout(LOGIN_TIMEOUT_MS, undefined, async (signal) => {
      const timeout = () => new Problem('provider_timeout', `${provider.name}: the sign-in took too long.`)
      const late = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(timeout()), { once: true })
      })
      const secrets = { state: attempt.state, codeVerifier: attempt.codeVerifier, nonce: attempt.nonce }
      const identified = provider.identify({ code, state, iss, user, secrets, signal })
      return await Promise.race([identified, late])
    })
    assertRecent(provider, attempt, who.authenticatedAt)
    reached('completed')
    return await complete(attempt.completion, who, caller)
  }

  async function signInNatively (
    request: NativeSignIn,
    caller: Caller,
    reached: OnStage
  ): Promise<TokenResponse> {
    const { idToken, nonce, code, name } = request
    const provider = findProvider(request.provider)
    if (!provider.identifyNative) {
      const advice = 'send the person to /oauth2/authorize.'
      throw new OAuthError('invalid_request', `${provider.name} makes no ID tokens: ${advice}`)
    }
    reached('identified')
    if (code !== undefined && !provider.exchangeNative) {
      throw new OAuthError('invalid_request', `code is for Apple: ${provider.name} gives apps none that is taken here.`)
    }
    const { clientId: owner = '', ...who } = await provider.identifyNative(idToken, nonce, name)
    const forgetAt = new Date(Date.now() + 2 * ID_TOKEN_MAX_AGE_SECONDS * 1000)
    if (!(await repository.spendState(idTokenHash(idToken), forgetAt))) {
      throw new OAuthError('invalid_grant', 'This ID token was used before. Get a new one.')
    }
    const tokens = code === undefined
      ? undefined
      : await provider.exchangeNative?.(code, owner, who.profile.subject, AbortSignal.timeout(LOGIN_TIMEOUT_MS))
    reached('completed')
    return (await openSession({ ...who, ...tokens && { tokens } }, request, caller)).tokens
  }

  /**
   * Reports the stages that a sign-in passes after the callback, and its end. Records a failure as an audit event, and
   * notes for the log where it failed.
   */
  async function recorded<Result> (
    login: LoginOrigin & { provider: string },
    caller: Caller,
    work: (reached: OnStage) => Promise<Result>
  ): Promise<Result> {
    const { provider, clientId } = login
    let stage: LoginStage = 'returned'
    const reached = (next: LoginStage) => {
      options.onStage(provider, stage)
      stage = next
    }
    try {
      const result = await work(reached)
      options.onStage(provider, stage)
      return result
    } catch (error) {
      options.onStage(provider, stage, error)
      noteOrigin(error, { step: STAGE_STEPS[stage], ...login })
      const { step, providerError } = originOf(error)
      const code = error instanceof Problem ? error.code : error instanceof OAuthError ? error.error : 'internal_error'
      const userId = error instanceof SignInRefused ? error.userId : null
      const details = { code, step, ...providerError !== undefined && { providerError } }
      const event = { type: 'login.failed', userId, clientId, provider, details } as const
      const written = audit.record(event, caller).catch(options.onAuditFailure)
      // A database that is away would let the person wait a second time.
      if (!isDatabaseUnavailable(error)) await written
      throw error
    }
  }

  return {
    async start (providerId, completion, parameters) {
      const provider = findProvider(providerId)
      const { url, secrets } = await provider.authorize(parameters).catch((error) => {
        options.onStage(provider.id, 'started', error)
        throw noteOrigin(error, { step: STAGE_STEPS.started, provider: provider.id, ...originOfLogin(completion) })
      })
      options.onStage(provider.id, 'started')
      const attempt = { provider: provider.id, completion, maxAge: parameters?.maxAge, startedAt: Date.now() }
      const cookie = attempts.seal({ ...attempt, ...secrets })
      return { url, cookie, provider }
    },

    async finish (attempt, parameters, caller) {
      const work = (reached: OnStage) => finish(attempt, parameters, caller, reached)
      const login = { ...originOfLogin(attempt.completion), provider: attempt.provider }
      return await recorded(login, caller, work)
    },

    async signInNatively (request, caller) {
      const { provider, clientId } = request
      if (!providers.has(provider)) {
        throw new OAuthError('invalid_request', `There is no provider "${provider}" here.`)
      }
      try {
        const work = (reached: OnStage) => signInNatively(request, caller, reached)
        return await recorded({ provider, clientId, mode: 'native' }, caller, work)
      } catch (error) {
        throw toGrantError(error)
      }
    }
  }
}

/** What native sign-in answers at the token endpoint for what a redirect would have brought back as a problem. */
function toGrantError (error: unknown): unknown {
  if (!(error instanceof Problem)) return error
  const to = (code: OAuthErrorCode, status?: number) =>
    noteOrigin(new OAuthError(code, error.message, status), originOf(error))
  switch (error.code) {
    case 'provider_error':
      return to('server_error', 502)
    case 'provider_timeout':
      return to('temporarily_unavailable', 504)
    case 'invalid_id_token':
    case 'access_denied':
    case 'account_disabled':
    case 'sign_up_closed':
    case 'email_not_allowed':
      return to('invalid_grant')
    default:
      return error
  }
}

/** Of what is signed: a signature can be written in more than one way, what it signs cannot. */
function idTokenHash (idToken: string): NonSharedBuffer {
  return createHash('sha256')
    .update(`id-token:${idToken.slice(0, idToken.lastIndexOf('.'))}`)
    .digest()
}

/**
 * Throws a Problem where the provider says that the person signed in there longer ago than `max_age` allowed when the
 * login was started. A provider that does not say has asked the person now, as far as anyone can tell.
 */
function assertRecent (
  provider: Provider, { maxAge, startedAt }: LoginAttempt, authenticatedAt: Date | undefined
): void {
  if (maxAge === undefined || authenticatedAt === undefined) return
  const earliest = startedAt - (maxAge + AUTH_TIME_TOLERANCE_SECONDS) * 1000
  if (authenticatedAt.getTime() >= earliest) return
  const reason = 'the sign-in there was longer ago than max_age allows'
  throw noteOrigin(new Problem('provider_error', `${provider.name}: ${reason}.`), { step: 'ID token', reason })
}

/** The provider's own words are for the log: they may hold anything (SEC-11). */
function refusal (provider: Provider, error: string): Problem {
  const origin = { step: 'authorization response', providerError: toErrorWord(error) }
  const problem = DENIED.includes(error)
    ? new Problem('access_denied', `The sign-in at ${provider.name} was declined.`)
    : new Problem('provider_error', `${provider.name}: the authorization response was an error.`)
  return noteOrigin(problem, origin)
}
