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
  console: 'https://bitbucket.org/<workspace>/workspace/settings/api, "OAuth consumers", with the permissions "Account: Read" and "Account: Email", as a private consumer',
  scope: ['account', 'email'],
  quirks: [
    'What is granted is what the consumer was given in the workspace\'s settings, whatever is asked for; the token response says it in `scopes`.',
    'The stable subject is `uuid`, which comes in braces; the user name and the nickname can be changed.',
    'The email is the `is_primary` entry of `/user/emails`; without the permission "Email" that list is a 403, and the account has no email.',
    'There is no endpoint to revoke a grant: people do that in their Bitbucket settings.'
  ],

  create (settings) {
    return createOAuthProvider(bitbucket, settings, {
      authorizationUrl: 'https://bitbucket.org/site/oauth2/authorize',
      tokenUrl: 'https://bitbucket.org/site/oauth2/access_token',
      apiUrl: 'https://api.bitbucket.org/2.0',
      authentication: 'header',

      async readProfile ({ get }) {
        const user = await get('/user', 'profile')
        const emails = await get('/user/emails?pagelen=100', 'emails', (status) => status === 403 ? { values: [] } : undefined)
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
  return { email: address, emailVerified: address !== null && emailTrust('bitbucket').believes(member(primary, 'is_confirmed')) }
}
