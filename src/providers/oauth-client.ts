import { randomBytes } from 'node:crypto'
import { Problem } from '../http/errors.ts'
import { noteOrigin } from '../http/failure-origin.ts'
import { member } from './claims.ts'
import { ASSERTION_TYPE, hasTwoSpellings } from './client-authentication.ts'
import { providerError, type Step } from './failure.ts'
import { acceptJson, toProviderResponse } from './http.ts'
import type { AuthorizationParameters } from './login-parameters.ts'
import { pluginOptions, type OAuthClientOptions } from './plugin-options.ts'
import type { Authorization, AuthorizationResponse, Provider, TokenSet } from './provider.ts'
import { registerLate, type PluginNamespace, type RegisterOAuth2 } from './registration.ts'
import { requestTokens, type TokenAnswer } from './token-request.ts'
import { readTokenSet } from './token-set.ts'

export interface OAuthClient {
  /** Registers @fastify/oauth2 by `register`, and not at the first login. Absent where the secret is renewed. */
  register?: (register: RegisterOAuth2) => Promise<void>
  /** The authorization request, with `parameters`. Throws a Problem when the plugin does not take the endpoints. */
  authorize: (parameters?: AuthorizationParameters) => Promise<Authorization>
  /**
   * Exchanges a code. Codes are single-use: none is sent again, except where the provider did not know the client.
   * Throws a Problem.
   */
  exchange: (response: AuthorizationResponse) => Promise<TokenSet>
  refresh: Provider['refresh']
  clientSecret: () => Promise<string>
}

/** The client of one provider: @fastify/oauth2, whose cookies are kept in our login attempts. */
export function createOAuthClient (options: OAuthClientOptions): OAuthClient {
  const { provider, scope, clientSecret } = options
  let registered: { secret: string, isEncoded: boolean, namespace: PluginNamespace } | undefined
  /** Whether the provider decodes Basic credentials, as far as is known. */
  let decodesBasic = true

  /** The plugin, registered with the secret of now. */
  async function plugin (isEncoded: boolean) {
    const secret = typeof clientSecret === 'string' ? clientSecret : await clientSecret()
    if (registered?.secret !== secret || registered.isEncoded !== isEncoded) {
      const namespace = await registerLate(pluginOptions(options, secret, isEncoded)).catch(() => {
        throw providerError(provider, 'discovery', 'an endpoint, the client id or the secret cannot be used')
      })
      registered = { secret, isEncoded, namespace }
    }
    return registered
  }

  async function request (
    step: Step,
    grantedScope: string[],
    signal: AbortSignal,
    grant: string[],
    work: (namespace: PluginNamespace) => Promise<{ token: unknown }>
  ): Promise<TokenSet> {
    const isEncoded = decodesBasic
    const { secret, namespace } = await plugin(isEncoded)
    const purpose = { provider, step, signal, secrets: [...grant, secret] }
    let answer = await requestTokens(purpose, () => work(namespace))
    if (isUnknownClient(answer) && hasTwoSpellings({ ...options, clientSecret: secret })) {
      const { namespace: other } = await plugin(!isEncoded)
      answer = await requestTokens(purpose, () => work(other))
      if (!isUnknownClient(answer)) decodesBasic = !isEncoded
    }
    const response = toProviderResponse(answer, answer.value, purpose)
    if (step === 'token refresh' && answer.status < 500 && isGrantOver(options, answer.value)) {
      const detail = `${provider} no longer refreshes this grant: sign in there again.`
      throw noteOrigin(new Problem('reauthorization_required', detail), { step, ...response })
    }
    return readTokenSet(acceptJson(answer, answer.value, purpose), purpose, grantedScope, response)
  }

  /** Without scopes the plugin sends an empty one. The authorization URL of the settings may have its own. */
  function removeEmptyScope ({ searchParams }: URL): void {
    const own = new URL(options.authorizationUrl).searchParams.get('scope')
    if (own === null) searchParams.delete('scope')
    else searchParams.set('scope', own)
  }

  return {
    ...typeof clientSecret === 'string' && {
      async register (register) {
        const namespace = await register(pluginOptions(options, clientSecret))
        registered = { secret: clientSecret, isEncoded: true, namespace }
      }
    },

    async authorize (parameters = {}) {
      const { namespace } = await plugin(decodesBasic)
      const kept: Record<string, string> = {}
      const setCookie = (name: string, value: string) => { kept[name] = value }
      const url = new URL(await namespace.generateAuthorizationUri({}, { setCookie }))
      for (const [name, value] of Object.entries(parameters)) if (value) url.searchParams.set(name, value)
      const nonce = randomBytes(32).toString('base64url')
      if (scope.includes('openid')) url.searchParams.set('nonce', nonce)
      if (scope.length === 0) removeEmptyScope(url)
      const { state = '', codeVerifier } = kept
      return { url: url.href, secrets: { state, codeVerifier, nonce } }
    },

    async exchange ({ code, state, secrets, signal }) {
      const callback = { query: { code, state }, cookies: { ...secrets } }
      const grant = [code, secrets.codeVerifier ?? '']
      return await request('token exchange', scope, signal, grant, async (namespace) =>
        await namespace.getAccessTokenFromAuthorizationCodeFlow(callback, { clearCookie () {} }))
    },

    async refresh (refreshToken, grantedScope, signal) {
      return await request('token refresh', grantedScope.split(' '), signal, [refreshToken], async (namespace) =>
        await namespace.getNewAccessTokenUsingRefreshToken(
          { refresh_token: refreshToken }, options.authentication === 'assertion' ? ASSERTION_TYPE : {}))
    },

    clientSecret: async () => typeof clientSecret === 'string' ? clientSecret : await clientSecret()
  }
}

/**
 * Errors of a grant that only the person can renew: RFC 6749 section 5.2, GitHub's own, those of OpenID Connect Core
 * section 3.1.2.6, which Microsoft answers with too (azure-activedirectory-library-for-nodejs#151), and Yahoo's
 * (https://developer.yahoo.com/oauth2/guide/errors/).
 */
const GRANT_IS_OVER = [
  'invalid_grant', 'bad_refresh_token', 'interaction_required', 'login_required', 'consent_required',
  'account_selection_required', 'INVALID_REFRESH_TOKEN', 'TOKEN_EXPIRED', 'INVALID_GRANT'
]

function isUnknownClient ({ status, value }: TokenAnswer): boolean {
  return status < 500 && member(value, 'error') === 'invalid_client'
}

function isGrantOver ({ saysGrantIsOver }: OAuthClientOptions, answer: unknown): boolean {
  return GRANT_IS_OVER.includes(member(answer, 'error') as string) || saysGrantIsOver?.(answer) === true
}
