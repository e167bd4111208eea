import { answerEmpty, answerHtml, answerJson, answerRedirect, type FakeAnswer } from './answers.ts'
import { bearerToken, parameter, type Call } from './calls.ts'
import { answersChallenge, clientCredentials, createIssued, type Grant } from './grants.ts'
import { startHttpFake, type HttpFake } from './http-fake.ts'
import { completeProfile, defaultEmails, type GitHubPerson } from './github-person.ts'

export interface FakeGitHubOptions {
  clientId?: string
  clientSecret?: string
  /** The app's registered callback URL. Without it every http(s) callback is taken. */
  callbackUrl?: string
}

export interface FakeGitHub extends HttpFake {
  clientId: string
  clientSecret: string
  /** The environment that makes Signet use this fake. */
  settings: Record<string, string>
  /** Who signs in from now on. A login that is already past the authorization page stays with its own person. */
  user: (person: GitHubPerson) => void
  /** The authorization page sends `error` back from now on; by default the person says no. */
  deny: (error?: string, description?: string) => void
  /** The authorization page says yes again. */
  allow: () => void
  /** Scopes granted from now on, whatever is asked: a person may grant less. `undefined`: as asked. */
  grantScope: (scope: string | undefined) => void
  /**
   * How `/user/emails` answers from now on. 404: an OAuth app without the scope `user:email`, which it also is without
   * being told when that scope was not granted. 403: a GitHub App without the permission "Email addresses".
   */
  emails: (status: 200 | 403 | 404) => void
  /**
   * The person's memberships from now on, by organization; `restricted` is one that has not approved the app.
   * https://docs.github.com/en/rest/orgs/members#get-an-organization-membership-for-the-authenticated-user
   */
  memberships: (states: Record<string, 'active' | 'pending' | 'restricted'>) => void
}

interface GitHubGrant extends Grant {
  person: GitHubPerson
}

export const GITHUB_PATHS = {
  authorize: '/login/oauth/authorize',
  token: '/login/oauth/access_token',
  user: '/api/v3/user',
  emails: '/api/v3/user/emails'
}

const TOKEN_ERRORS =
  'https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/'
const AUTHORIZATION_ERRORS =
  'https://docs.github.com/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/'
const EMAILS_DOCUMENTATION = 'https://docs.github.com/rest/users/emails#list-email-addresses-for-the-authenticated-user'

/** GitHub's own example of a user, with a verified address. */
export const OCTOCAT = {
  id: 1,
  login: 'octocat',
  name: 'The Octocat',
  email: 'octocat@github.com',
  avatar_url: 'https://example.com/octocat.png'
}

/**
 * GitHub's web application flow and the two profile calls, as GitHub Enterprise serves them from one host:
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#web-application-flow
 */
export async function startFakeGitHub (options: FakeGitHubOptions = {}): Promise<FakeGitHub> {
  const { clientId = 'github-client', clientSecret = 'github-fake-client-secret', callbackUrl } = options
  const codes = createIssued<GitHubGrant>()
  const tokens = createIssued<GitHubGrant>()
  let person: GitHubPerson = {}
  let refusal: { error: string, description: string } | undefined
  let grantedScope: string | undefined
  let emailsStatus: 200 | 403 | 404 = 200
  let memberships: Record<string, 'active' | 'pending' | 'restricted'> = {}

  const fake = await startHttpFake((call) => {
    const [, organization] = /^\/api\/v3\/user\/memberships\/orgs\/([^/]+)$/.exec(call.path) ?? []
    if (organization !== undefined) return api(call, (grant) => membership(grant, organization.toLowerCase()))
    switch (`${call.method} ${call.path}`) {
      case `GET ${GITHUB_PATHS.authorize}`:
        return authorize(call)
      case `POST ${GITHUB_PATHS.token}`:
        return exchange(call)
      case `GET ${GITHUB_PATHS.user}`:
        return api(call, (grant) => answerJson(completeProfile(grant.person), { headers: scopeHeaders(grant) }))
      case `GET ${GITHUB_PATHS.emails}`:
        return api(call, emails)
      case `DELETE /api/v3/applications/${clientId}/grant`:
        return deleteGrant(call)
    }
  })

  function authorize ({ query }: Call): FakeAnswer {
    const redirectUri = parameter(query, 'redirect_uri') ?? callbackUrl
    const state = parameter(query, 'state')
    if (parameter(query, 'client_id') !== clientId) {
      return answerHtml('<!doctype html><title>Page not found</title>', { status: 404 })
    }
    if (redirectUri === undefined || !/^https?:/.test(URL.parse(redirectUri)?.protocol ?? '')) {
      return badRequest('redirect_uri is missing or is not a URL')
    }
    if (callbackUrl !== undefined && !mayRedirect(redirectUri, callbackUrl)) {
      return answerRedirect(
        callbackUrl,
        authorizationError(
          'redirect_uri_mismatch',
          'The redirect_uri MUST match the registered callback URL for this application.',
          state
        )
      )
    }
    if (refusal) return answerRedirect(redirectUri, authorizationError(refusal.error, refusal.description, state))
    const codeChallenge = parameter(query, 'code_challenge')
    const codeChallengeMethod = parameter(query, 'code_challenge_method')
    // Only S256, and always 43 characters.
    if (codeChallenge !== undefined && (codeChallengeMethod !== 'S256' || !/^[\w-]{43}$/.test(codeChallenge))) {
      return badRequest('code_challenge must be S256')
    }
    const scope = grantedScope ?? parameter(query, 'scope') ?? ''
    return answerRedirect(redirectUri, {
      code: codes.issue({ person, redirectUri, scope, codeChallenge, codeChallengeMethod }),
      state
    })
  }

  // Failures are HTTP 200 with an `error` member:
  // https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors
  function exchange (call: Call): FakeAnswer {
    const client = clientCredentials(call)
    if (client.clientId !== clientId || client.clientSecret !== clientSecret) {
      return tokenError(
        call,
        'incorrect_client_credentials',
        'The client_id and/or client_secret passed are incorrect.'
      )
    }
    const grant = codes.spend(parameter(call.body, 'code'))
    if (!grant) return tokenError(call, 'bad_verification_code', 'The code passed is incorrect or expired.')
    const redirectUri = parameter(call.body, 'redirect_uri')
    if (redirectUri !== undefined && redirectUri !== grant.redirectUri) {
      return tokenError(
        call,
        'redirect_uri_mismatch',
        'The redirect_uri MUST match the registered callback URL for this application.'
      )
    }
    if (!answersChallenge(grant, parameter(call.body, 'code_verifier'))) {
      return tokenError(call, 'bad_verification_code', 'The code passed is incorrect or expired.')
    }
    return tokenAnswer(call, {
      access_token: tokens.issue(grant, 'gho_'),
      scope: scopes(grant).join(','),
      token_type: 'bearer'
    })
  }

  function emails (grant: GitHubGrant): FakeAnswer {
    const hasScope = scopes(grant).some((scope) => scope === 'user:email' || scope === 'user')
    const documentation = { documentation_url: EMAILS_DOCUMENTATION }
    if (emailsStatus === 403) {
      return answerJson(
        { message: 'Resource not accessible by integration', ...documentation, status: '403' },
        { status: 403 }
      )
    }
    // Not 403: https://github.com/octokit/core.js/issues/338
    if (emailsStatus === 404 || !hasScope) {
      return answerJson(
        { message: 'Not Found', ...documentation, status: '404' },
        { status: 404, headers: scopeHeaders(grant) }
      )
    }
    return answerJson(Object.hasOwn(grant.person, 'emails') ? grant.person.emails : defaultEmails(grant.person), {
      headers: scopeHeaders(grant)
    })
  }

  function membership (grant: GitHubGrant, organization: string): FakeAnswer {
    const state = memberships[organization]
    const mayRead = scopes(grant).some((scope) => /^(read|write|admin):org$/.test(scope))
    if (!mayRead || state === 'restricted') {
      return answerJson({ message: 'Forbidden', status: '403' }, { status: 403, headers: scopeHeaders(grant) })
    }
    if (state === undefined) return answerJson({ message: 'Not Found', status: '404' }, { status: 404 })
    return answerJson({ state, role: 'member', organization: { login: organization } })
  }

  function api (call: Call, answer: (grant: GitHubGrant) => FakeAnswer): FakeAnswer {
    // https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent
    if (!call.headers['user-agent']) {
      return answerHtml(
        '\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent header ' +
          '(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required). Check ' +
          'https://developer.github.com for other possible causes.\r\n',
        { status: 403 }
      )
    }
    const token = bearerToken(call, ['bearer', 'token'])
    const grant = tokens.find(token)
    if (grant) return answer(grant)
    return answerJson(
      {
        message: token === undefined ? 'Requires authentication' : 'Bad credentials',
        documentation_url: 'https://docs.github.com/rest',
        status: '401'
      },
      { status: 401 }
    )
  }

  // https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization
  function deleteGrant (call: Call): FakeAnswer {
    const client = clientCredentials(call)
    const grant = tokens.find(parameter(call.body, 'access_token'))
    const isClient = client.clientId === clientId && client.clientSecret === clientSecret
    if (!isClient || !grant) {
      return answerJson(
        { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' },
        { status: 404 }
      )
    }
    tokens.revoke((other) => other.person.id === grant.person.id)
    return answerEmpty(204)
  }

  return {
    ...fake,
    clientId,
    clientSecret,
    settings: {
      GITHUB_CLIENT_ID: clientId,
      GITHUB_CLIENT_SECRET: clientSecret,
      GITHUB_AUTHORIZATION_URL: fake.url + GITHUB_PATHS.authorize,
      GITHUB_TOKEN_URL: fake.url + GITHUB_PATHS.token,
      GITHUB_API_URL: `${fake.url}/api/v3`
    },
    user (next) {
      person = next
    },
    deny (error = 'access_denied', description = 'The user has denied your application access.') {
      refusal = { error, description }
    },
    allow () {
      refusal = undefined
    },
    grantScope (scope) {
      grantedScope = scope
    },
    emails (status) {
      emailsStatus = status
    },
    memberships (states) {
      memberships = states
    }
  }
}

/**
 * The host and port must be those of the registered callback, and the path below its path:
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#redirect-urls
 */
function mayRedirect (redirectUri: string, callbackUrl: string): boolean {
  const asked = new URL(redirectUri)
  const registered = new URL(callbackUrl)
  const path = registered.pathname.replace(/\/$/, '')
  return asked.origin === registered.origin && (asked.pathname === path || asked.pathname.startsWith(`${path}/`))
}

/** https://docs.github.com/en/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors */
function authorizationError (
  error: string,
  description: string,
  state: string | undefined
): Record<string, string | undefined> {
  return {
    error,
    error_description: description,
    error_uri: `${AUTHORIZATION_ERRORS}#${error.replaceAll('_', '-')}`,
    state
  }
}

function tokenError (call: Call, error: string, description: string): FakeAnswer {
  return tokenAnswer(call, {
    error,
    error_description: description,
    error_uri: `${TOKEN_ERRORS}#${error.replaceAll('_', '-')}`
  })
}

/** JSON for those who accept it, form-encoded for all others. */
function tokenAnswer (call: Call, members: Record<string, string>): FakeAnswer {
  if (call.headers.accept?.includes('application/json')) return answerJson(members)
  return {
    status: 200,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new URLSearchParams(members).toString()
  }
}

function badRequest (reason: string): FakeAnswer {
  return answerHtml(`<!doctype html><title>Bad request</title><p>${reason}`, { status: 400 })
}

function scopes ({ scope }: Grant): string[] {
  return scope.split(/[\s,]+/).filter(Boolean)
}

/** https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps */
function scopeHeaders (grant: Grant): Record<string, string> {
  return { 'x-oauth-scopes': scopes(grant).join(', '), 'x-github-media-type': 'github.v3; format=json' }
}
