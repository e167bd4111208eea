import { Problem } from '../http/errors.ts'
import { avatarUrl, email, member, text } from './claims.ts'
import { basic } from './client-authentication.ts'
import { list, listMistakes } from './comma-separated.ts'
import { emailTrust } from './email-trust.ts'
import { providerError } from './failure.ts'
import { asksNewSignIn } from './login-parameters.ts'
import { createOAuthProvider, type Api } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'
import { acceptRevocation } from './revocation.ts'

export const github: ProviderDefinition = {
  id: 'github',
  name: 'GitHub',
  documentation: [
    'https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps',
    'https://docs.github.com/en/rest/users/emails',
    'https://docs.github.com/en/rest/orgs/members#get-an-organization-membership-for-the-authenticated-user',
    'https://docs.github.com/en/webhooks/webhook-events-and-payloads#github_app_authorization'
  ],
  console: 'https://github.com/settings/developers, "OAuth Apps"',
  scope: ['read:user', 'user:email'],
  quirks: [
    'A failed code exchange is answered with HTTP 200 and an `error` member.',
    'The profile\'s `email` is the public one: often null, and never proof of ownership. Only the primary and ' +
      'verified entry of `/user/emails` counts. Without the scope `user:email` that list is a 404, for a GitHub App' +
      ' without the permission a 403.',
    'The stable subject is the numeric `id`; a `login` can change, and others can take it.',
    'People who are signed in at GitHub come back without being asked. `prompt=login` and `max_age` make them choose ' +
      'their account, as `prompt=select_account` does; GitHub has no way to ask for the password.',
    '`GITHUB_ORGANIZATIONS` admits active members of at least one of these organizations, whether their membership ' +
      'is public or not. It requests the scope `read:org` too. An organization that restricts OAuth apps must approve' +
      ' the app first, and one with SAML needs people to have a SAML session; a GitHub App needs the permission ' +
      '"Members: Read" and to be installed there.',
    'GitHub Enterprise Server: set `GITHUB_AUTHORIZATION_URL`, `GITHUB_TOKEN_URL` and `GITHUB_API_URL` (which ' +
      'ends in `/api/v3`).'
  ],
  events: [{
    path: '/login/github/events',
    where: 'https://github.com/settings/apps, for a GitHub App: "Webhook URL", with `GITHUB_WEBHOOK_SECRET` as its ' +
      'secret. GitHub sends `github_app_authorization` to every App; an OAuth App has no such event'
  }],
  settings: {
    ORGANIZATIONS: 'admits members of these organizations only',
    WEBHOOK_SECRET: 'the secret of the webhook of your GitHub App, for `github_app_authorization`; without it there ' +
      'is no URL for that'
  },
  mistakes: ({ own: { ORGANIZATIONS: names, WEBHOOK_SECRET: secret } }) => [
    ...listMistakes('ORGANIZATIONS', names, (name) => ORGANIZATION.test(name), 'must be the name of an organization'),
    ...secret === undefined || secret.length >= 8 ? [] : ['WEBHOOK_SECRET must have 8 characters at least']
  ],

  create (settings) {
    const organizations = list(settings.own['ORGANIZATIONS'])
    const authorizationUrl = 'https://github.com/login/oauth/authorize'
    const scope = withOrganizations(settings.scope ?? github.scope, organizations)
    return createOAuthProvider(github, { ...settings, scope }, {
      authorizationUrl,
      tokenUrl: 'https://github.com/login/oauth/access_token',
      apiUrl: 'https://api.github.com',
      authentication: 'body',
      loginParameters: (asked) => ({
        prompt: asksNewSignIn(asked) || asked.prompt.includes('select_account') ? 'select_account' : undefined,
        login: asked.loginHint
      }),
      headers: { accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' },
      // GitHub's `iss` (RFC 9207) is not its bare host; older Enterprise Servers send none.
      responseIssuer: (settings.authorizationUrl ?? authorizationUrl).replace(/\/authorize(\?.*)?$/, ''),

      async readProfile ({ get }) {
        await assertMember(organizations, get)
        const user = await get('/user', 'profile')
        const orNone = (status: number) => status === 404 || status === 403 ? [] : undefined
        const emails = await get('/user/emails', 'emails', orNone)
        return {
          subject: member(user, 'id'),
          username: text(member(user, 'login')),
          ...primaryEmail(emails, member(user, 'email')),
          name: text(member(user, 'name')) ?? text(member(user, 'login')),
          avatarUrl: avatarUrl(member(user, 'avatar_url')),
          locale: null
        }
      },

      // https://docs.github.com/en/rest/apps/oauth-applications#delete-an-app-authorization
      async revocation ({ accessToken }, { apiUrl, clientId, clientSecret, call }) {
        const { status } = await call('DELETE', `${apiUrl}/applications/${encodeURIComponent(clientId)}/grant`, {
          headers: {
            authorization: basic(clientId, clientSecret),
            'content-type': 'application/json',
            accept: 'application/vnd.github+json'
          },
          body: JSON.stringify({ access_token: accessToken })
        })
        acceptRevocation(github.name, status)
      }
    })
  }
}

const ORGANIZATION = /^[a-z\d][a-z\d-]{0,38}$/i
const READS_ORGANIZATIONS = ['read:org', 'write:org', 'admin:org']

function withOrganizations (scope: string[], organizations: string[]): string[] {
  const isEnough = organizations.length === 0 || scope.some((one) => READS_ORGANIZATIONS.includes(one))
  return isEnough ? scope : [...scope, 'read:org']
}

/**
 * Throws a Problem unless the person is an active member of one of the organizations. GitHub answers 404 to who is
 * none, and 403 where the app may not know.
 */
async function assertMember (organizations: string[], get: Api['get']): Promise<void> {
  const unknown = (status: number) => status === 404 || status === 403 ? {} : undefined
  for (const name of organizations) {
    const membership = await get(`/user/memberships/orgs/${encodeURIComponent(name)}`, 'memberships', unknown)
    if (member(membership, 'state') === 'active') return
  }
  if (organizations.length === 0) return
  throw new Problem('access_denied', `Only members of ${organizations.join(', ')} may sign in with GitHub here.`)
}

/** Only an entry that is primary and verified counts as verified; the public email of the profile never does. */
function primaryEmail (emails: unknown, publicEmail: unknown): { email: string | null, emailVerified: boolean } {
  if (!Array.isArray(emails)) throw providerError(github.name, 'emails', 'the answer is not a list')
  const primary: unknown = emails.find((entry) => member(entry, 'primary') === true)
  const address = email(member(primary, 'email'))
  const isVerified = emailTrust('github').isVerified(member(primary, 'verified'))
  return { email: address ?? email(publicEmail), emailVerified: address !== null && isVerified }
}
