import { avatarUrl, email, member, text } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { asksNewSignIn } from './login-parameters.ts'
import { createOAuthProvider } from './oauth.ts'
import type { ProviderDefinition } from './provider.ts'

export const discord: ProviderDefinition = {
  id: 'discord',
  name: 'Discord',
  documentation: [
    'https://discord.com/developers/docs/topics/oauth2',
    'https://discord.com/developers/docs/resources/user#user-object'
  ],
  console: 'https://discord.com/developers/applications, "OAuth2"',
  scope: ['identify', 'email'],
  quirks: [
    'The picture is a hash, from which Signet makes a URL at cdn.discordapp.com; without a hash there is no picture.',
    '`global_name` is the display name. It is null for people who never chose one; then the name is `username`.',
    'Revoking one token revokes all tokens that the app has for that person.'
  ],

  create (settings) {
    return createOAuthProvider(discord, settings, {
      authorizationUrl: 'https://discord.com/oauth2/authorize',
      tokenUrl: 'https://discord.com/api/oauth2/token',
      apiUrl: 'https://discord.com/api/v10',
      authentication: 'header',
      loginParameters: (asked) => ({
        prompt: asksNewSignIn(asked) || asked.prompt.includes('consent') ? 'consent' : undefined
      }),

      async readProfile ({ get }) {
        const user = await get('/users/@me', 'profile')
        const username = text(member(user, 'username'))
        const address = email(member(user, 'email'))
        return {
          subject: member(user, 'id'),
          username,
          email: address,
          emailVerified: address !== null && emailTrust('discord').isVerified(member(user, 'verified')),
          name: text(member(user, 'global_name')) ?? username,
          avatarUrl: pictureOf(member(user, 'id'), member(user, 'avatar')),
          locale: text(member(user, 'locale'), 35)
        }
      },

      // https://discord.com/developers/docs/topics/oauth2#authorization-code-grant-token-revocation-example
      revocation: 'token/revoke'
    })
  }
}

/** Hashes of animated pictures begin with `a_`. https://discord.com/developers/docs/reference#image-formatting */
function pictureOf (id: unknown, hash: unknown): string | null {
  if (typeof id !== 'string' || typeof hash !== 'string' || !/^\w+$/.test(hash)) return null
  const extension = hash.startsWith('a_') ? 'gif' : 'png'
  return avatarUrl(`https://cdn.discordapp.com/avatars/${encodeURIComponent(id)}/${hash}.${extension}`)
}
