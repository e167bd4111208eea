import { Problem } from '../http/errors.ts'
import { emailTrust } from './email-trust.ts'
import { asksNewSignIn, PROMPTS, toOidcParameters, type LoginParameters } from './login-parameters.ts'
import { createOidcProvider } from './oidc.ts'
import type { ProviderDefinition } from './provider.ts'
import { createRiscVerifier } from './risc.ts'

const ISSUER = 'https://accounts.google.com'

export const google: ProviderDefinition = {
  id: 'google',
  name: 'Google',
  documentation: [
    'https://developers.google.com/identity/openid-connect/openid-connect',
    'https://developers.google.com/identity/protocols/risc'
  ],
  console: 'https://console.cloud.google.com/apis/credentials, an OAuth client of the type "Web application"',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    '`iss` is `https://accounts.google.com`, or, in older tokens, `accounts.google.com`.',
    'Google issues a refresh token only with `access_type=offline`, and only at the first consent. ' +
      '`GOOGLE_ACCESS_TYPE=offline` requests it, with `prompt=consent` so that each sign-in returns one.',
    'Google has no `prompt=login`, and does not say when people signed in: for `prompt=login` or `max_age` they ' +
      'choose their account.',
    '`GOOGLE_HOSTED_DOMAIN` restricts sign-in to one Google Workspace domain: the claim `hd` is checked, not only' +
      ' requested.'
  ],
  events: [{
    path: '/login/google/events',
    where: 'the RISC API (Cross-Account Protection), enabled in the project of your OAuth client, by a call of its ' +
      '`stream:update` (https://developers.google.com/identity/protocols/risc)'
  }],
  settings: {
    HOSTED_DOMAIN: 'admits people of this Google Workspace domain only',
    ACCESS_TYPE: '`offline` requests a refresh token, for calls to Google\'s APIs later'
  },

  mistakes: ({ own: { ACCESS_TYPE: accessType } }) =>
    ['online', 'offline', undefined].includes(accessType) ? [] : ['ACCESS_TYPE must be online or offline'],

  create (settings) {
    const issuer = settings.issuer ?? ISSUER
    const { ACCESS_TYPE: accessType } = settings.own
    const hostedDomain = settings.own['HOSTED_DOMAIN']?.toLowerCase()
    const provider = createOidcProvider(settings, {
      name: google.name,
      scope: google.scope,
      issuer,
      isIssuer: (iss) => iss === issuer || (issuer === ISSUER && iss === 'accounts.google.com'),
      isEmailVerified: emailTrust('google').isVerified,
      authentication: 'body',
      authorizationParameters: {
        ...hostedDomain === undefined ? {} : { hd: hostedDomain },
        ...accessType === 'offline' ? { access_type: 'offline' } : {}
      },
      loginParameters: (asked) => toOidcParameters({ ...asked, prompt: promptsFor(asked, accessType) }),
      assertAllowed (claims) {
        if (hostedDomain === undefined || claims['hd'] === hostedDomain) return
        throw new Problem('access_denied', `Only people of ${hostedDomain} may sign in with Google here.`)
      }
    })
    return { ...provider, verifyEvent: createRiscVerifier(google.name, issuer, settings, provider.verifyEvent) }
  }
}

/** Google has no prompt=login: people choose their account instead. */
function promptsFor (asked: LoginParameters, accessType: string | undefined): LoginParameters['prompt'] {
  const prompts = asksNewSignIn(asked) ? [...asked.prompt, 'select_account'] : [...asked.prompt]
  if (accessType === 'offline') prompts.push('consent')
  return PROMPTS.filter((prompt) => prompt !== 'login' && prompts.includes(prompt))
}
