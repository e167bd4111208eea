import { avatarUrl, email, text } from './claims.ts'
import { valueAt } from './json-pointer.ts'
import { createOAuthProvider } from './oauth.ts'
import type { Provider, ProviderSettings } from './provider.ts'

/** Where things stand in a profile, by JSON Pointer, unless settings of these names say otherwise. */
export const POINTERS = {
  SUBJECT: '/id',
  EMAIL: '/email',
  EMAIL_VERIFIED: '/email_verified',
  DISPLAY_NAME: '/name',
  USERNAME: '/username',
  PICTURE: '/picture'
}

/** Any OAuth 2.0 provider that tells by one JSON document who somebody is, without a line of code of its own. */
export function createOAuthProviderBySettings (settings: ProviderSettings): Provider {
  const { own, emailTrusted, issuer } = settings
  const { AUTHENTICATION: authentication, PROFILE_URL: profileUrl, REVOCATION_URL: revocation } = own

  return createOAuthProvider({ name: settings.name ?? settings.id, scope: [] }, { ...settings, apiUrl: profileUrl }, {
    authorizationUrl: settings.authorizationUrl as string,
    tokenUrl: settings.tokenUrl as string,
    apiUrl: profileUrl as string,
    authentication: authentication === 'header' ? 'header' : 'body',
    ...issuer === undefined ? {} : { responseIssuer: issuer },
    ...revocation === undefined ? {} : { revocation },

    async readProfile ({ get }) {
      const profile = await get('', 'profile')
      const at = (name: keyof typeof POINTERS) => valueAt(profile, own[name] ?? POINTERS[name])
      const address = email(at('EMAIL'))
      const username = text(at('USERNAME'))
      return {
        subject: at('SUBJECT'),
        username,
        email: address,
        emailVerified: address !== null && emailTrusted && at('EMAIL_VERIFIED') === true,
        name: text(at('DISPLAY_NAME')) ?? username,
        avatarUrl: avatarUrl(at('PICTURE')),
        locale: null
      }
    }
  })
}
