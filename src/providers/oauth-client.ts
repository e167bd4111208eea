import Fastify from 'fastify'
import { Problem } from '../http/errors.ts'
import { parseJson } from '../http/json.ts'
import { member } from './claims.ts'
import { clientRequest, type ClientAuthentication } from './client-authentication.ts'
import { providerError, type Step } from './failure.ts'
import { callLimited, readJson } from './http.ts'
import type { AuthorizationRequest, AuthorizationResponse, TokenSet } from './provider.ts'

export interface OAuthClientOptions {
  provider: string
  clientId: string
  /** Asked for at every call, for providers whose secret is made anew from time to time (Apple). */
  clientSecret: string | (() => Promise<string>)
  authorizationUrl: string
  tokenUrl: string
  /** Where refresh tokens are exchanged, where that is not the token endpoint. */
  refreshUrl?: string | undefined
  scope: string[]
  authentication: ClientAuthentication
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

/** A client of one provider. What it asks for is single-use: no request is made again. */
export function createOAuthClient (options: OAuthClientOptions): OAuthClient {
  const { provider, scope, authentication, pkce = true } = options
  let plugin: Promise<AuthorizationUrls> | undefined

  async function clientSecret (): Promise<string> {
    return typeof options.clientSecret === 'string' ? options.clientSecret : await options.clientSecret()
  }

  async function ask (step: Step, url: string, parameters: Record<string, string>, signal: AbortSignal): Promise<TokenSet> {
    const client = { clientId: options.clientId, clientSecret: await clientSecret(), authentication }
    const { headers, ...request } = clientRequest(client, parameters, options.bodyFormat)
    const userAgent = options.userAgent === undefined ? {} : { 'user-agent': options.userAgent }
    const answer = await callLimited(url, { provider, step, signal, headers: { ...headers, ...userAgent }, ...request })
    // RFC 6749 section 5.2, and GitHub, which answers a failed exchange with HTTP 200 and an `error` member (CVE-2021-41580).
    if (step === 'token refresh' && [200, 400, 401].includes(answer.status) && isOver(options, parseJson(answer.text))) throw grantIsOver(provider)
    return readTokenSet(options, step, readJson(answer, { provider, step }))
  }

  return {
    clientSecret,

    async authorizationUrl ({ redirectUri, state, nonce, codeChallenge }, extra = {}) {
      plugin ??= register(options).catch(() => {
        plugin = undefined
        throw providerError(provider, 'discovery', 'an endpoint or the client id cannot be used')
      })
      return (await plugin).authorizeURL({
        ...extra,
        redirect_uri: redirectUri,
        ...(scope.length > 0 ? { scope: scope.join(options.scopeSeparator ?? ' ') } : {}),
        state,
        ...(scope.includes('openid') ? { nonce } : {}),
        ...(pkce ? { code_challenge: codeChallenge, code_challenge_method: 'S256' } : {})
      })
    },

    exchange: ({ code, redirectUri, codeVerifier, signal }) =>
      ask('token exchange', options.tokenUrl, { grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...(pkce ? { code_verifier: codeVerifier } : {}) }, signal),

    refresh: (refreshToken, signal) =>
      ask('token refresh', options.refreshUrl ?? options.tokenUrl, { grant_type: 'refresh_token', refresh_token: refreshToken }, signal)
  }
}

/** The part of `@fastify/oauth2`'s client that is used here. */
interface AuthorizationUrls {
  authorizeURL: (parameters: Record<string, string | string[]>) => string
}

/**
 * Registers the plugin on an instance of its own, so that it can be done when an issuer's endpoints become known, long
 * after the app has started. Its cookies hold one login a browser, and its exchange cannot be aborted: only the URL is
 * taken from it, and it is never given the secret (docs/adr/0003).
 */
async function register ({ clientId, authorizationUrl, tokenUrl, scope }: OAuthClientOptions): Promise<AuthorizationUrls> {
  const authorize = new URL(authorizationUrl)
  const { default: oauth2 } = await import('@fastify/oauth2')
  const carrier = Fastify()
  // Called and not given to `register`: what the plugin throws there would end the process.
  await new Promise<void>((resolve, reject) => oauth2(carrier, {
    name: 'provider',
    scope,
    callbackUri: 'unused:',
    credentials: {
      client: { id: clientId, secret: '' },
      auth: { authorizeHost: authorize.origin, authorizePath: authorize.pathname + authorize.search, tokenHost: new URL(tokenUrl).origin }
    }
  }, (error?: Error) => error ? reject(error) : resolve()))
  return (carrier as unknown as { provider: { oauth2: AuthorizationUrls } }).provider.oauth2
}

function readTokenSet (options: OAuthClientOptions, step: Step, token: unknown): TokenSet {
  const { provider, scope: requestedScope } = options
  const accessToken = member(token, 'access_token')
  if (member(token, 'error') !== undefined) throw providerError(provider, step, 'it was refused')
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

/** What providers call a refresh token that no longer works: RFC 6749 section 5.2, and GitHub's own word. */
const OVER = ['invalid_grant', 'bad_refresh_token']

function isOver ({ saysGrantIsOver }: OAuthClientOptions, answer: unknown): boolean {
  return OVER.includes(member(answer, 'error') as string) || saysGrantIsOver?.(answer) === true
}

function grantIsOver (provider: string): Problem {
  return new Problem('reauthorization_required', `${provider} no longer renews this grant: the person must sign in there again.`)
}
