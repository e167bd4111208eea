import { avatarUrl, email, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { providerError } from './failure.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const bitbucket: ProviderDefinition = {
  id: 'bitbucket',
  name: 'Bitbucket',
  documentation: [
    'https://developer.atlassian.com/cloud/bitbucket/oauth-2/',
    'https://developer.atlassian.com/cloud/bitbucket/rest/api-group-users/'
  ],
  console:
    'https://bitbucket.org/<workspace>/workspace/settings/api, "OAuth consumers", a private consumer with the ' +
      'permissions "Account: Read" and "Account: Email"',
  scope: ['account', 'email'],
  quirks: [
    'Bitbucket grants the permissions of the consumer, whatever scopes are requested; the token response lists ' +
      'them in `scopes`.',
    'The stable subject is `uuid`, which has braces; user name and nickname can change.',
    'The email is the `is_primary` entry of `/user/emails`. Without the permission "Email" that list is a 403, ' +
      'and the account has no email.',
    'There is no revocation endpoint: people remove access in their Bitbucket settings.'
  ],

  create (settings) {
    return createOAuthProvider(bitbucket, settings, {
      authorizationUrl: 'https://bitbucket.org/site/oauth2/authorize',
      tokenUrl: 'https://bitbucket.org/site/oauth2/access_token',
      apiUrl: 'https://api.bitbucket.org/2.0',
      authentication: 'header',
      // {"error":"invalid_request","error_description":"Invalid refresh_token"}
      saysGrantIsOver: (answer) => member(answer, 'error_description') === 'Invalid refresh_token',

      async readProfile ({ get }) {
        const user = await get('/user', 'profile')
        const orNone = (status: number) => status === 403 ? { values: [] } : undefined
        const emails = await get('/user/emails?pagelen=100', 'emails', orNone)
        const username = text(member(user, 'username')) ?? text(member(user, 'nickname'))
        return {
          subject: member(user, 'uuid'),
          username,
          ...primaryEmail(emails),
          name: text(member(user, 'display_name')) ?? username,
          avatarUrl: avatarUrl(member(member(member(user, 'links'), 'avatar'), 'href')),
          locale: null
        }
      }
    })
  }
}

function primaryEmail (emails: unknown): { email: string | null, emailVerified: boolean } {
  const entries = member(emails, 'values')
  if (!Array.isArray(entries)) throw providerError(bitbucket.name, 'emails', 'the answer is not a list')
  const primary: unknown = entries.find((entry) => member(entry, 'is_primary') === true)
  const address = email(member(primary, 'email'))
  const isVerified = emailTrust('bitbucket').isVerified(member(primary, 'is_confirmed'))
  return { email: address, emailVerified: address !== null && isVerified }
}
