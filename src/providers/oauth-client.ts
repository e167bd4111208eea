import Fastify from 'fastify'
import type { Problem } from '../errors.ts'
import { providerError, providerTimeout } from './failure.ts'
import { MAX_RESPONSE_BYTES, REQUEST_TIMEOUT_MS, USER_AGENT, networkReason } from './http.ts'
import { member } from './claims.ts'
import type { AuthorizationRequest, AuthorizationResponse } from './provider.ts'

export interface OAuthClientOptions {
  provider: string
  clientId: string
  clientSecret: string
  authorizationUrl: string
  tokenUrl: string
  scope: string[]
  /** RFC 6749 section 2.3.1: `client_secret_post` or `client_secret_basic`. */
  authentication: 'body' | 'header'
}

export interface OAuthClient {
  authorizationUrl: (request: AuthorizationRequest, extra?: Record<string, string>) => Promise<string>
  /** Exchanges a code, once and without a retry: codes are single-use. Throws a Problem. */
  exchange: (response: AuthorizationResponse) => Promise<TokenSet>
}

/** The provider's token response (RFC 6749 section 5.1); members that were not of their type are absent. */
export interface TokenSet {
  accessToken: string
  idToken: string | undefined
  scope: string
}

/** A client of one provider; `@fastify/oauth2` is loaded and registered when it is first used. */
export function createOAuthClient (options: OAuthClientOptions): OAuthClient {
  const { provider, scope } = options
  let registered: Promise<PluginClient> | undefined
  const client = () => (registered ??= register(options).catch(() => {
    registered = undefined
    throw providerError(provider, 'discovery', 'an endpoint, the client id or the secret cannot be used')
  }))

  return {
    async authorizationUrl ({ redirectUri, state, nonce, codeChallenge }, extra = {}) {
      return (await client()).authorizeURL({
        ...extra,
        redirect_uri: redirectUri,
        scope,
        state,
        ...(scope.includes('openid') ? { nonce } : {}),
        code_challenge: codeChallenge,
        code_challenge_method: 'S256'
      })
    },

    async exchange ({ code, redirectUri, codeVerifier, signal }) {
      const parameters = { code, redirect_uri: redirectUri, code_verifier: codeVerifier }
      const answer = (await client()).getToken(parameters).catch((error: WreckError) => {
        // wreck gives up on an answer that never ends, but leaves its socket open.
        error.data?.res?.destroy?.()
        throw exchangeFailure(provider, error, signal)
      })
      // wreck allows the wait for the headers and the wait for the body its timeout each.
      const limit = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)])
      return readTokenSet(provider, (await withSignal(answer, limit, () => providerTimeout(provider, 'token exchange'))).token, scope)
    }
  }
}

/** The part of simple-oauth2, below the plugin, that is used here. */
interface PluginClient {
  authorizeURL: (parameters: Record<string, string | string[]>) => string
  getToken: (parameters: Record<string, string>) => Promise<{ token: unknown }>
}

/**
 * Registers the plugin on an instance of its own, so that it can be done when an issuer's endpoints become known, long
 * after the app has started. Its state and PKCE cookies are not used, since they hold one login a browser
 * (docs/adr/0003); the URL and the exchange are.
 */
async function register (options: OAuthClientOptions): Promise<PluginClient> {
  const authorize = new URL(options.authorizationUrl)
  const token = new URL(options.tokenUrl)
  const { default: oauth2 } = await import('@fastify/oauth2')
  const carrier = Fastify()
  // Called and not given to `register`: what the plugin throws there would end the process.
  await new Promise<void>((resolve, reject) => oauth2(carrier, {
    name: 'provider',
    scope: options.scope,
    callbackUri: 'unused:',
    userAgent: USER_AGENT,
    credentials: {
      client: { id: options.clientId, secret: options.clientSecret },
      auth: {
        authorizeHost: authorize.origin,
        authorizePath: authorize.pathname + authorize.search,
        tokenHost: token.origin,
        tokenPath: token.pathname + token.search
      },
      http: { timeout: REQUEST_TIMEOUT_MS, maxBytes: MAX_RESPONSE_BYTES, redirects: false },
      options: { authorizationMethod: options.authentication }
    }
  }, (error?: Error) => error ? reject(error) : resolve()))
  return (carrier as unknown as { provider: { oauth2: PluginClient } }).provider.oauth2
}

/** GitHub, and OAuth servers of its age, answer a failed exchange with HTTP 200 and an `error` member (CVE-2021-41580). */
function readTokenSet (provider: string, token: unknown, requestedScope: string[]): TokenSet {
  const accessToken = member(token, 'access_token')
  if (member(token, 'error') !== undefined) throw providerError(provider, 'token exchange', 'it was refused')
  if (typeof accessToken !== 'string' || accessToken === '') throw providerError(provider, 'token exchange', 'the answer has no access_token')
  const idToken = member(token, 'id_token')
  const scope = member(token, 'scope')
  return {
    accessToken,
    idToken: typeof idToken === 'string' ? idToken : undefined,
    // Absent means: as asked (RFC 6749 section 5.1).
    scope: (typeof scope === 'string' ? readScope(scope) : requestedScope).join(' ')
  }
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

function exchangeFailure (provider: string, error: WreckError, signal: AbortSignal): Problem {
  const { data } = error
  const status = error.output?.statusCode
  const failure = (reason: string) => providerError(provider, 'token exchange', reason)
  if (data?.isResponseError === true) return failure(`HTTP ${status}`)
  // 504 when nothing came, 408 when the body stopped coming.
  if (signal.aborted || status === 504 || status === 408) return providerTimeout(provider, 'token exchange')
  if (status === 406 || data?.payload !== undefined) return failure('the answer is not JSON')
  if (status === 413 || data?.res !== undefined) return failure('the answer is too large, or broke off')
  return failure(networkReason(error))
}

async function withSignal<Value> (promise: Promise<Value>, signal: AbortSignal, timeout: () => Problem): Promise<Value> {
  if (signal.aborted) throw timeout()
  const aborted = new Promise<never>((_resolve, reject) => { signal.addEventListener('abort', () => reject(timeout()), { once: true }) })
  return await Promise.race([promise, aborted])
}
