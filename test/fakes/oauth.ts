import { answerEmpty, answerHtml, answerJson, answerRedirect, type FakeAnswer } from './answers.ts'
import { bearerToken, parameter, type Call } from './calls.ts'
import { answersChallenge, clientCredentials, createIssued, type Grant } from './grants.ts'
import { startHttpFake, type HttpFake } from './http-fake.ts'

export type Person = Record<string, unknown>

/** What a grant of this fake remembers: who said yes, and to what. */
export interface PersonGrant extends Grant {
  person: Person
  nonce: string | undefined
}

/** What one provider's documentation says of it. */
export interface OAuthSpec {
  /** The provider's id in Signet; in upper case the prefix of its settings. */
  id: string
  /** Paths on the one host of the fake. `api` is what `_API_URL` ends in; the routes' paths begin after it. */
  paths: { authorize: string, token: string, api: string, revoke?: string, refresh?: string }
  /** How the client must prove itself at the token endpoint (RFC 6749 section 2.3.1); in one way only. */
  authentication: 'client_secret_basic' | 'client_secret_post'
  /** The bearer-protected calls of the API: `GET /users/me` and its answer for a person. */
  routes: Record<string, (grant: PersonGrant, call: Call) => FakeAnswer>
  /** Calls that need no token, by their whole path. */
  openRoutes?: Record<string, (call: Call) => FakeAnswer>
  /** Members of the token response beside, or in place of, the standard ones; `undefined` leaves one out. */
  tokenAnswer?: (grant: PersonGrant) => Record<string, unknown>
  /** How the provider says that a code, a client or a refresh token is not good; RFC 6749 section 5.2 by default. */
  tokenError?: (error: string) => FakeAnswer
  /**
   * Demands that the token request has what the documentation asks for beyond the standard; a sentence when it has not.
   */
  demand?: (call: Call) => string | undefined
  /** False where the provider has no PKCE and ignores it. */
  pkce?: boolean
  /** Whether a refresh gives a new refresh token. */
  rotates?: boolean
  /** Who signs in unless a test says otherwise: the example of the documentation. */
  person: Person
}

export interface FakeOAuth extends HttpFake {
  clientId: string
  clientSecret: string
  paths: { authorize: string, token: string, api: string, revoke: string, refresh: string }
  /** The environment that makes Signet use this fake. */
  settings: Record<string, string>
  /**
   * Who signs in from now on: these members in place of those of the documentation's example; `undefined` leaves one
   * out.
   */
  person: (changes: Person) => void
  /** The authorization page sends `error` back from now on. */
  deny: (error?: string) => void
  allow: () => void
  /** Scopes granted from now on, whatever is asked. */
  grantScope: (scope: string | undefined) => void
  /** Members in place of those of the token response; `undefined` leaves one out. */
  tokenResponse: (overrides: Record<string, unknown>) => void
}

/**
 * An OAuth 2.0 provider with an API of its own, as its documentation has it: the code flow, refresh, revocation, and
 * the API's calls.
 */
export async function startFakeOAuth (spec: OAuthSpec): Promise<FakeOAuth> {
  const {
    paths,
    tokenError = (error: string) =>
      answerJson({ error, error_description: `${error}.` }, { status: error === 'invalid_client' ? 401 : 400 })
  } = spec
  const [clientId, clientSecret] = [`${spec.id}-client`, `${spec.id}-fake-client-secret`]
  const codes = createIssued<PersonGrant>()
  const accessTokens = createIssued<PersonGrant>()
  const refreshTokens = createIssued<PersonGrant>()
  let person = spec.person
  let refusal: string | undefined
  let grantedScope: string | undefined
  let overrides: Record<string, unknown> = {}

  const fake = await startHttpFake((call) => {
    if (call.path === paths.authorize && call.method === 'GET') return authorize(call)
    if ((call.path === paths.token || call.path === paths.refresh) && call.method === 'POST') return token(call)
    if (call.path === paths.revoke && call.method === 'POST') return revoke(call)
    const open = spec.openRoutes?.[`${call.method} ${call.path}`]
    if (open) return open(call)
    const route = call.path.startsWith(paths.api)
      ? spec.routes[`${call.method} ${call.path.slice(paths.api.length)}`]
      : undefined
    return route && api(call, route)
  })

  function authorize ({ query }: Call): FakeAnswer {
    const redirectUri = parameter(query, 'redirect_uri')
    if (parameter(query, 'client_id') !== clientId) {
      return answerHtml('<!doctype html><title>Unknown client</title>', { status: 400 })
    }
    if (redirectUri === undefined || !URL.canParse(redirectUri)) {
      return answerHtml('<!doctype html><title>Bad redirect_uri</title>', { status: 400 })
    }
    const state = parameter(query, 'state')
    if (refusal) return answerRedirect(redirectUri, { error: refusal, error_description: 'The person said no.', state })
    if (parameter(query, 'response_type') !== 'code') {
      return answerRedirect(redirectUri, { error: 'unsupported_response_type', state })
    }
    const pkce =
      spec.pkce === false
        ? {}
        : {
            codeChallenge: parameter(query, 'code_challenge'),
            codeChallengeMethod: parameter(query, 'code_challenge_method')
          }
    const asked = { scope: grantedScope ?? parameter(query, 'scope') ?? '', nonce: parameter(query, 'nonce') }
    const grant = { person, redirectUri, ...asked, codeChallenge: undefined, codeChallengeMethod: undefined, ...pkce }
    return answerRedirect(redirectUri, { code: codes.issue(grant), state })
  }

  function token (call: Call): FakeAnswer {
    const client = clientCredentials(call)
    if (
      client.clientId !== clientId ||
      client.clientSecret !== clientSecret ||
      client.methods.join() !== spec.authentication
    ) { return tokenError('invalid_client') }
    const mistake = spec.demand?.(call)
    if (mistake !== undefined) {
      return answerJson({ error: 'invalid_request', error_description: mistake }, { status: 400 })
    }
    if (parameter(call.body, 'grant_type') === 'refresh_token') {
      const name = parameter(call.body, 'refresh_token')
      const grant = spec.rotates ? refreshTokens.spend(name) : refreshTokens.find(name)
      return grant
        ? tokenAnswer(grant, spec.rotates ? refreshTokens.issue(grant, 'refresh-') : name)
        : tokenError('invalid_grant')
    }
    if (call.path !== paths.token || parameter(call.body, 'grant_type') !== 'authorization_code') {
      return tokenError('unsupported_grant_type')
    }
    const grant = codes.spend(parameter(call.body, 'code'))
    const isGood = grant && parameter(call.body, 'redirect_uri') === grant.redirectUri
    if (!isGood || (spec.pkce !== false && !answersChallenge(grant, parameter(call.body, 'code_verifier')))) {
      return tokenError('invalid_grant')
    }
    return tokenAnswer(grant, refreshTokens.issue(grant, 'refresh-'))
  }

  function tokenAnswer (grant: PersonGrant, refreshToken: string | undefined): FakeAnswer {
    const standard = {
      access_token: accessTokens.issue(grant, 'access-'),
      token_type: 'bearer',
      expires_in: 3600,
      refresh_token: refreshToken,
      scope: grant.scope
    }
    return answerJson({ ...standard, ...spec.tokenAnswer?.(grant), ...overrides })
  }

  function api (call: Call, route: OAuthSpec['routes'][string]): FakeAnswer {
    const grant = accessTokens.find(bearerToken(call))
    return grant ? route(grant, call) : answerJson({ error: 'invalid_token' }, { status: 401 })
  }

  /** RFC 7009: 200 for any token. */
  function revoke (call: Call): FakeAnswer {
    const client = clientCredentials(call)
    if (client.clientId !== clientId) return tokenError('invalid_client')
    const name = parameter(call.body, 'token')
    const grant = accessTokens.find(name) ?? refreshTokens.find(name)
    for (const tokens of [accessTokens, refreshTokens]) tokens.revoke((other) => other === grant)
    return answerEmpty(200)
  }

  const prefix = spec.id.toUpperCase()
  return {
    ...fake,
    clientId,
    clientSecret,
    paths: { revoke: '', refresh: '', ...paths },
    settings: {
      [`${prefix}_CLIENT_ID`]: clientId,
      [`${prefix}_CLIENT_SECRET`]: clientSecret,
      [`${prefix}_AUTHORIZATION_URL`]: fake.url + paths.authorize,
      [`${prefix}_TOKEN_URL`]: fake.url + paths.token,
      [`${prefix}_API_URL`]: fake.url + paths.api
    },
    person (changes) {
      person = { ...spec.person, ...changes }
    },
    deny (error = 'access_denied') {
      refusal = error
    },
    allow () {
      refusal = undefined
    },
    grantScope (scope) {
      grantedScope = scope
    },
    tokenResponse (next) {
      overrides = next
    }
  }
}
