import { randomBytes } from 'node:crypto'
import type { FastifyOAuth2Options } from '@fastify/oauth2'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../http/errors.ts'
import { agentFor } from './agent.ts'
import { member } from './claims.ts'
import { ASSERTION_TYPE, type ClientAuthentication } from './client-authentication.ts'
import { MAX_ANSWER_BYTES, USER_AGENT } from './http.ts'

export interface OAuthClientOptions {
  /** The name that people know, as problems name it. */
  provider: string
  /** The name that @fastify/oauth2 is registered under. */
  pluginName: string
  clientId: string
  /** A function where the secret is renewed (Apple), or is an assertion. It is called before each request. */
  clientSecret: string | (() => Promise<string>)
  callbackUrl: string
  authorizationUrl: string
  /** Added to the authorization request. */
  authorizationParameters?: Record<string, string> | undefined
  tokenUrl: string
  /** The endpoint that exchanges refresh tokens, where that is not the token endpoint. */
  refreshUrl?: string | undefined
  scope: string[]
  authentication: ClientAuthentication
  /** The format of the token request; a form by default. */
  bodyFormat?: 'form' | 'json' | undefined
  /** Separates the scopes of the authorization request; a space by default. */
  scopeSeparator?: string | undefined
  /** False for a provider that refuses parameters that it does not know. */
  pkce?: boolean | undefined
  userAgent?: string | undefined
  /** Whether a refused refresh means that the grant is over, for a provider that does not say `invalid_grant`. */
  saysGrantIsOver?: ((answer: unknown) => boolean) | undefined
}

/** The options of @fastify/oauth2 for one provider. Basic credentials are form-encoded unless `isEncoded` is false. */
export function pluginOptions (options: OAuthClientOptions, secret: string, isEncoded = true): FastifyOAuth2Options {
  const { tokenUrl, scope, pkce = true } = options
  const authorizationUrl = new URL(options.authorizationUrl)
  authorizationUrl.hash = ''
  const credentials = {
    client: clientOf(options, secret),
    // Whole URLs, since a path such as `//token` would name another host.
    auth: {
      authorizeHost: authorizationUrl.origin,
      authorizePath: authorizationUrl.href,
      tokenHost: new URL(tokenUrl).origin,
      tokenPath: tokenUrl,
      refreshPath: options.refreshUrl ?? tokenUrl
    },
    // `force` parses JSON of any content type: acceptJson checks the type, after the status.
    http: {
      agent: agentFor(new URL(tokenUrl)), maxBytes: MAX_ANSWER_BYTES, redirects: false, gunzip: true, json: 'force'
    },
    options: {
      authorizationMethod: options.authentication === 'header' ? 'header' : 'body',
      bodyFormat: options.bodyFormat ?? 'form',
      scopeSeparator: options.scopeSeparator ?? ' ',
      credentialsEncodingMode: isEncoded ? 'strict' : 'loose'
    }
  } as const
  return {
    name: options.pluginName,
    credentials,
    scope,
    callbackUri: options.callbackUrl,
    callbackUriParams: options.authorizationParameters ?? {},
    userAgent: options.userAgent ?? USER_AGENT,
    ...pkce ? { pkce: 'S256' } : {},
    ...options.authentication === 'assertion' ? { tokenRequestParams: ASSERTION_TYPE } : {},
    // The members of LoginSecrets.
    redirectStateCookieName: 'state',
    verifierCookieName: 'codeVerifier',
    // 256 bits instead of 128. The plugin replaces it only together with its check.
    generateStateFunction: () => randomBytes(32).toString('base64url'),
    checkStateFunction: checkSameState as NonNullable<FastifyOAuth2Options['checkStateFunction']>
  }
}

/** simple-oauth2 sends a secret under the name that it is told: an assertion, or nothing but the client id. */
function clientOf ({ clientId: id, authentication }: OAuthClientOptions, secret: string) {
  if (authentication === 'assertion') return { id, secret, secretParamName: 'client_assertion' }
  return authentication === 'none' ? { id, secret: id, secretParamName: 'client_id' } : { id, secret }
}

/** By a callback: after a promise the plugin would make its request too late for runExchange. */
function checkSameState ({ query, cookies }: FastifyRequest, callback: (error?: Error) => void): void {
  const { state } = cookies
  const isSame = Boolean(state) && member(query, 'state') === state
  if (isSame) callback()
  else callback(new Problem('invalid_state'))
}
