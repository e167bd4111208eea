import { avatarUrl, email, text } from './claims.ts'
import { valueAt } from './json-pointer.ts'
import { toOidcParameters } from './login-parameters.ts'
import { createOAuthProvider } from './oauth.ts'
import type { Provider, ProviderSettings } from './provider.ts'

/** JSON Pointers into the profile, unless settings of these names replace them. */
export const POINTERS = {
  SUBJECT: '/id',
  EMAIL: '/email',
  EMAIL_VERIFIED: '/email_verified',
  DISPLAY_NAME: '/name',
  USERNAME: '/username',
  PICTURE: '/picture'
}

/** Any OAuth 2.0 provider that identifies people by one JSON document, configured by settings alone. */
export function createOAuthProviderBySettings (settings: ProviderSettings): Provider {
  const { own, emailTrusted, issuer } = settings
  const { PROFILE_URL: profileUrl } = own
  const definition = { name: settings.name ?? settings.id, scope: [] }

  return createOAuthProvider(definition, { ...settings, apiUrl: profileUrl }, {
    authorizationUrl: settings.authorizationUrl as string,
    tokenUrl: settings.tokenUrl as string,
    apiUrl: profileUrl as string,
    authentication: 'body',
    loginParameters: toOidcParameters,
    ...issuer !== undefined && { responseIssuer: issuer },

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
