import Fastify from 'fastify'
import { Problem } from '../errors.ts'
import { within } from '../within.ts'
import { timed } from './call-times.ts'
import { providerError, providerTimeout, type Step } from './failure.ts'
import { agentFor, MAX_RESPONSE_BYTES, REQUEST_TIMEOUT_MS, USER_AGENT, networkReason } from './http.ts'
import { member } from './claims.ts'
import type { AuthorizationRequest, AuthorizationResponse, TokenSet } from './provider.ts'

export interface OAuthClientOptions {
  provider: string
  clientId: string
  /** Asked for at every call, for providers whose secret is made anew from time to time (Apple). */
  clientSecret: string | (() => Promise<string>)
  authorizationUrl: string
  tokenUrl: string
  /** Where refresh tokens are exchanged, where that is not the token endpoint. On the same host. */
  refreshUrl?: string | undefined
  scope: string[]
  /** RFC 6749 section 2.3.1: `client_secret_post` or `client_secret_basic`. */
  authentication: 'body' | 'header'
  /** How the token request is written, where the provider does not take forms. */
  bodyFormat?: 'form' | 'json' | undefined
  /** What stands between two scopes in the authorization request; a space unless the provider wants another. */
  scopeSeparator?: string | undefined
  /** Off for a provider that refuses what it does not know. */
  pkce?: boolean | undefined
  userAgent?: string | undefined
  /** Whether a refused refresh says that the grant is over, where the provider has other words for it than `invalid_grant`. */
  saysGrantIsOver?: ((answer: unknown) => boolean) | undefined
}

export interface OAuthClient {
  authorizationUrl: (request: AuthorizationRequest, extra?: Record<string, string>) => Promise<string>
  /** Exchanges a code, once and without a retry: codes are single-use. Throws a Problem. */
  exchange: (response: AuthorizationResponse) => Promise<TokenSet>
  /** Exchanges a refresh token, once. Throws a Problem: `reauthorization_required` when the provider says `invalid_grant`. */
  refresh: (refreshToken: string, signal: AbortSignal) => Promise<TokenSet>
  clientSecret: () => Promise<string>
}

/** A client of one provider; `@fastify/oauth2` is loaded and registered when it is first used. */
export function createOAuthClient (options: OAuthClientOptions): OAuthClient {
  const { provider, scope, pkce = true } = options
  let registered: { secret: string, client: Promise<PluginClient> } | undefined

  async function clientSecret (): Promise<string> {
    return typeof options.clientSecret === 'string' ? options.clientSecret : await options.clientSecret()
  }

  async function client (): Promise<PluginClient> {
    const secret = await clientSecret()
    if (registered?.secret !== secret) {
      registered = {
        secret,
        client: register(options, secret).catch(() => {
          registered = undefined
          throw providerError(provider, 'discovery', 'an endpoint, the client id or the secret cannot be used')
        })
      }
    }
    return await registered.client
  }

  async function ask (step: Step, signal: AbortSignal, request: (client: PluginClient) => Promise<{ token: unknown }>): Promise<TokenSet> {
    const ready = await client()
    // Before the request is made: nobody would be there for its failure, and that would end the process.
    if (signal.aborted) throw providerTimeout(provider, step)
    const { token } = await timed(provider, step, async () => {
      const answer = request(ready).catch((error: WreckError) => {
        // wreck gives up on an answer that never ends, but leaves its socket open.
        error.data?.res?.destroy?.()
        throw requestFailure(options, step, error, signal)
      })
      // wreck allows the wait for the headers and the wait for the body its timeout each.
      return await within(REQUEST_TIMEOUT_MS, signal, (limit) => withSignal(answer, limit, () => providerTimeout(provider, step)))
    })
    return readTokenSet(options, step, token)
  }

  return {
    clientSecret,

    async authorizationUrl ({ redirectUri, state, nonce, codeChallenge }, extra = {}) {
      return (await client()).authorizeURL({
        ...extra,
        redirect_uri: redirectUri,
        ...(scope.length > 0 ? { scope: scope.join(options.scopeSeparator ?? ' ') } : {}),
        state,
        ...(scope.includes('openid') ? { nonce } : {}),
        ...(pkce ? { code_challenge: codeChallenge, code_challenge_method: 'S256' } : {})
      })
    },

    exchange: ({ code, redirectUri, codeVerifier, signal }) =>
      ask('token exchange', signal, (client) => client.getToken({ code, redirect_uri: redirectUri, ...(pkce ? { code_verifier: codeVerifier } : {}) })),

    refresh: (refreshToken, signal) =>
      ask('token refresh', signal, (client) => client.createToken({ refresh_token: refreshToken }).refresh())
  }
}

/** The part of simple-oauth2, below the plugin, that is used here. */
interface PluginClient {
  authorizeURL: (parameters: Record<string, string | string[]>) => string
  getToken: (parameters: Record<string, string>) => Promise<{ token: unknown }>
  createToken: (token: { refresh_token: string }) => { refresh: () => Promise<{ token: unknown }> }
}

/**
 * Registers the plugin on an instance of its own, so that it can be done when an issuer's endpoints become known, long
 * after the app has started. Its state and PKCE cookies are not used, since they hold one login a browser
 * (docs/adr/0003); the URL and the exchange are.
 */
async function register (options: OAuthClientOptions, secret: string): Promise<PluginClient> {
  const authorize = new URL(options.authorizationUrl)
  const token = new URL(options.tokenUrl)
  const refresh = new URL(options.refreshUrl ?? options.tokenUrl)
  const auth = {
    authorizeHost: authorize.origin,
    authorizePath: authorize.pathname + authorize.search,
    tokenHost: token.origin,
    tokenPath: token.pathname + token.search,
    refreshPath: refresh.pathname + refresh.search
  }
  const { default: oauth2 } = await import('@fastify/oauth2')
  const carrier = Fastify()
  // Called and not given to `register`: what the plugin throws there would end the process.
  await new Promise<void>((resolve, reject) => oauth2(carrier, {
    name: 'provider',
    scope: options.scope,
    callbackUri: 'unused:',
    userAgent: options.userAgent ?? USER_AGENT,
    credentials: {
      client: { id: options.clientId, secret },
      auth,
      http: { timeout: REQUEST_TIMEOUT_MS, maxBytes: MAX_RESPONSE_BYTES, redirects: false, agent: agentFor(token) },
      options: { authorizationMethod: options.authentication, bodyFormat: options.bodyFormat ?? 'form' }
    }
  }, (error?: Error) => error ? reject(error) : resolve()))
  return (carrier as unknown as { provider: { oauth2: PluginClient } }).provider.oauth2
}

/** GitHub, and OAuth servers of its age, answer a failed exchange with HTTP 200 and an `error` member (CVE-2021-41580). */
function readTokenSet (options: OAuthClientOptions, step: Step, token: unknown): TokenSet {
  const { provider, scope: requestedScope } = options
  const accessToken = member(token, 'access_token')
  const error = member(token, 'error')
  if (error !== undefined && step === 'token refresh' && isOver(options, token)) throw grantIsOver(provider)
  if (error !== undefined) throw providerError(provider, step, 'it was refused')
  if (typeof accessToken !== 'string' || accessToken === '') throw providerError(provider, step, 'the answer has no access_token')
  const idToken = member(token, 'id_token')
  // Bitbucket calls it `scopes`.
  const scope = member(token, 'scope') ?? member(token, 'scopes')
  return {
    accessToken,
    refreshToken: text(member(token, 'refresh_token')),
    idToken: typeof idToken === 'string' ? idToken : undefined,
    expiresAt: readExpiry(member(token, 'expires_in')),
    // Absent means: as asked (RFC 6749 section 5.1). Twitch sends a list.
    scope: (typeof scope === 'string' || Array.isArray(scope) ? readScope(String(scope)) : requestedScope).join(' '),
    answer: token
  }
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Seconds from now, as a number or its digits; anything else says nothing. */
function readExpiry (expiresIn: unknown): Date | undefined {
  const seconds = typeof expiresIn === 'number' || (typeof expiresIn === 'string' && /^\d{1,9}$/.test(expiresIn)) ? Number(expiresIn) : NaN
  return seconds > 0 && seconds < 1e9 ? new Date(Date.now() + seconds * 1000) : undefined
}

/** The tokens of a scope, by the characters of RFC 6749 section 3.3; GitHub separates them by commas. */
function readScope (scope: string): string[] {
  return scope.split(/[\s,]+/).filter((one) => /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(one)).slice(0, 50)
}

/** What simple-oauth2 throws: an error of @hapi/wreck, which carries along what the provider answered. */
interface WreckError extends Error {
  output?: { statusCode?: number }
  data?: { isResponseError?: boolean, payload?: unknown, res?: { destroy?: () => void } } | null
}

/** What providers call a refresh token that no longer works: RFC 6749 section 5.2, and GitHub's own word. */
const OVER = ['invalid_grant', 'bad_refresh_token']

function isOver ({ saysGrantIsOver }: OAuthClientOptions, answer: unknown): boolean {
  return OVER.includes(member(answer, 'error') as string) || saysGrantIsOver?.(answer) === true
}

function grantIsOver (provider: string): Problem {
  return new Problem('reauthorization_required', `${provider} no longer renews this grant: the person must sign in there again.`)
}

function requestFailure (options: OAuthClientOptions, step: Step, error: WreckError, signal: AbortSignal): Problem {
  const { provider } = options
  const { data } = error
  const status = error.output?.statusCode
  const failure = (reason: string) => providerError(provider, step, reason)
  if (data?.isResponseError === true) {
    const isRefused = step === 'token refresh' && (status === 400 || status === 401)
    return isRefused && isOver(options, data.payload) ? grantIsOver(provider) : failure(`HTTP ${status}`)
  }
  // 504 when nothing came, 408 when the body stopped coming.
  if (signal.aborted || status === 504 || status === 408) return providerTimeout(provider, step)
  if (status === 406 || data?.payload !== undefined) return failure('the answer is not JSON')
  if (status === 413 || data?.res !== undefined) return failure('the answer is too large, or broke off')
  return failure(networkReason(error))
}

async function withSignal<Value> (promise: Promise<Value>, signal: AbortSignal, timeout: () => Problem): Promise<Value> {
  const aborted = new Promise<never>((_resolve, reject) => { signal.addEventListener('abort', () => reject(timeout()), { once: true }) })
  return await Promise.race([promise, aborted])
}
