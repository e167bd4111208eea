import { Problem } from '../http/errors.ts'
import { emailTrust } from './email-trust.ts'
import { createOidcProvider } from './oidc.ts'
import type { ProviderDefinition } from './provider.ts'

const ISSUER = 'https://accounts.google.com'

export const google: ProviderDefinition = {
  id: 'google',
  name: 'Google',
  documentation: ['https://developers.google.com/identity/openid-connect/openid-connect'],
  console: 'https://console.cloud.google.com/apis/credentials, an OAuth client of the type "Web application"',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    '`iss` is `https://accounts.google.com`, or, in older tokens, `accounts.google.com`.',
    'A refresh token comes only with `access_type=offline`, and only the first time a person agrees; `GOOGLE_ACCESS_TYPE=offline` asks for it, with `prompt=consent` so that it comes each time.',
    '`GOOGLE_HOSTED_DOMAIN` lets in people of one Google Workspace domain only: the claim `hd` is checked, not just asked for.'
  ],
  settings: {
    HOSTED_DOMAIN: 'lets in people of this Google Workspace domain only',
    ACCESS_TYPE: '`offline` asks for a refresh token, for calling Google\'s APIs later'
  },

  mistakes: ({ own }) => ['online', 'offline', undefined].includes(own['ACCESS_TYPE']) ? [] : ['ACCESS_TYPE must be online or offline'],

  create (settings) {
    const issuer = settings.issuer ?? ISSUER
    const { ACCESS_TYPE: accessType } = settings.own
    const hostedDomain = settings.own['HOSTED_DOMAIN']?.toLowerCase()
    return createOidcProvider(settings, {
      name: google.name,
      scope: google.scope,
      issuer,
      isIssuer: (iss) => iss === issuer || (issuer === ISSUER && iss === 'accounts.google.com'),
      believesEmail: emailTrust('google').believes,
      authentication: 'body',
      authorizationParameters: {
        ...hostedDomain === undefined ? {} : { hd: hostedDomain },
        ...accessType === 'offline' ? { access_type: 'offline', prompt: 'consent' } : {}
      },
      admit (claims) {
        if (hostedDomain !== undefined && claims['hd'] !== hostedDomain) throw new Problem('access_denied', `Only people of ${hostedDomain} may sign in with Google here.`)
      }
    })
  }
}
