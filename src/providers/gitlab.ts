import { Problem } from '../http/errors.ts'
import { avatarUrl, email, member, text } from './claims.ts'
import { list, listMistakes } from './comma-separated.ts'
import { emailTrust } from './email-trust.ts'
import { getJson } from './http.ts'
import { createOAuthProvider, type Api } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const gitlab: ProviderDefinition = {
  id: 'gitlab',
  name: 'GitLab',
  documentation: [
    'https://docs.gitlab.com/api/oauth2/',
    'https://docs.gitlab.com/api/users/#retrieve-the-current-user',
    'https://docs.gitlab.com/integration/openid_connect_provider/#shared-information'
  ],
  console: 'https://gitlab.com/-/user_settings/applications, confidential, with the scope `read_user`',
  scope: ['read_user'],
  quirks: [
    'Self-managed GitLab: set `GITLAB_AUTHORIZATION_URL`, `GITLAB_TOKEN_URL` and `GITLAB_API_URL` (which ends in ' +
      '`/api/v4`). Its emails are trusted like those of gitlab.com: where it confirms users without an email, set ' +
      '`AUTO_LINK=never`.',
    '`email` is the primary address, and stays the old one until a new one is confirmed; `public_email` and ' +
      '`commit_email` are for display.',
    'The stable subject is the numeric `id`; a `username` can change, and others can take it.',
    '`GITLAB_GROUPS` admits members of at least one of these groups, by their whole paths such as `acme/team`: ' +
      'direct members, and members of a group above. It requests the scope `openid` too, which the application must ' +
      'have, and reads `groups` of the user info.',
    'Access tokens live two hours; each refresh returns a new refresh token.'
  ],

  settings: { GROUPS: 'admits members of these groups only' },
  mistakes: ({ own: { GROUPS: paths } }) =>
    listMistakes('GROUPS', paths, (path) => GROUP.test(path), 'must be the path of a group, such as acme/team'),

  create (settings) {
    const groups = list(settings.own['GROUPS']?.toLowerCase())
    const asked = settings.scope ?? gitlab.scope
    const scope = groups.length > 0 && !asked.includes('openid') ? [...asked, 'openid'] : asked
    const authorizationUrl = 'https://gitlab.com/oauth/authorize'
    return createOAuthProvider(gitlab, { ...settings, scope }, {
      authorizationUrl,
      tokenUrl: 'https://gitlab.com/oauth/token',
      apiUrl: 'https://gitlab.com/api/v4',
      authentication: 'body',
      responseIssuer: (settings.authorizationUrl ?? authorizationUrl).replace(/\/oauth\/authorize(\?.*)?$/, ''),

      async readProfile (api) {
        await assertMember(groups, api)
        const user = await api.get('/user', 'profile')
        const username = text(member(user, 'username'))
        const address = email(member(user, 'email'))
        return {
          subject: member(user, 'id'),
          username,
          email: address,
          emailVerified: address !== null && emailTrust('gitlab').isVerified(isConfirmed(user)),
          name: text(member(user, 'name')) ?? username,
          avatarUrl: avatarUrl(member(user, 'avatar_url')),
          locale: null
        }
      },

      // https://docs.gitlab.com/api/oauth2/#revoke-a-token
      revocation: 'revoke'
    })
  }
}

const GROUP = /^[\w.-]+(\/[\w.-]+)*$/

/** Throws a Problem unless the person is a member of one of the groups. */
async function assertMember (groups: string[], { tokens, tokenUrl, signal }: Api): Promise<void> {
  if (groups.length === 0) return
  const headers = { authorization: `Bearer ${tokens.accessToken}` }
  const call = { provider: gitlab.name, step: 'memberships', headers, signal } as const
  const own = member(await getJson(new URL('userinfo', tokenUrl).href, call), 'groups')
  const isOneOfThem = (path: unknown) => typeof path === 'string' && groups.includes(path.toLowerCase())
  if (Array.isArray(own) && own.some(isOneOfThem)) return
  throw new Problem('access_denied', `Only members of ${groups.join(', ')} may sign in with GitLab here.`)
}

/** Only a time confirms. An address that is still waiting to be confirmed is another one than the confirmed one. */
function isConfirmed (user: unknown): boolean {
  const confirmedAt = member(user, 'confirmed_at')
  const isDateTime = typeof confirmedAt === 'string' && /^\d{4}-\d\d-\d\dT/.test(confirmedAt)
  return isDateTime && !Number.isNaN(Date.parse(confirmedAt)) &&
    email(member(user, 'unconfirmed_email')) !== email(member(user, 'email'))
}
