import { avatarUrl, email, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const gitlab: ProviderDefinition = {
  id: 'gitlab',
  name: 'GitLab',
  documentation: [
    'https://docs.gitlab.com/api/oauth2/',
    'https://docs.gitlab.com/api/users/#retrieve-the-current-user'
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
    'Access tokens live two hours; each refresh returns a new refresh token.'
  ],

  create (settings) {
    const authorizationUrl = 'https://gitlab.com/oauth/authorize'
    return createOAuthProvider(gitlab, settings, {
      authorizationUrl,
      tokenUrl: 'https://gitlab.com/oauth/token',
      apiUrl: 'https://gitlab.com/api/v4',
      authentication: 'body',
      responseIssuer: (settings.authorizationUrl ?? authorizationUrl).replace(/\/oauth\/authorize(\?.*)?$/, ''),

      async readProfile ({ get }) {
        const user = await get('/user', 'profile')
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

/** Only a time confirms. An address that is still waiting to be confirmed is another one than the confirmed one. */
function isConfirmed (user: unknown): boolean {
  const confirmedAt = member(user, 'confirmed_at')
  const isDateTime = typeof confirmedAt === 'string' && /^\d{4}-\d\d-\d\dT/.test(confirmedAt)
  return isDateTime && !Number.isNaN(Date.parse(confirmedAt)) &&
    email(member(user, 'unconfirmed_email')) !== email(member(user, 'email'))
}
