import { Problem } from '../http/errors.ts'
import { list, listMistakes } from './comma-separated.ts'
import { emailTrust } from './email-trust.ts'
import { asksNewSignIn, PROMPTS, toOidcParameters, type LoginParameters } from './login-parameters.ts'
import { createOidcProvider } from './oidc.ts'
import type { ProviderDefinition } from './provider.ts'
import { createRiscVerifier } from './risc.ts'

const ISSUER = 'https://accounts.google.com'
/** As `hd` has them. */
const DOMAIN = /^[a-z\d-]+(\.[a-z\d-]+)+$/i

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
    '`GOOGLE_HOSTED_DOMAIN` restricts sign-in to Google Workspace domains, separated by commas: the claim `hd` is ' +
      'checked, not only requested.'
  ],
  events: [{
    path: '/login/google/events',
    where: 'the RISC API (Cross-Account Protection), enabled in the project of your OAuth client, by a call of its ' +
      '`stream:update` (https://developers.google.com/identity/protocols/risc)'
  }],
  settings: {
    HOSTED_DOMAIN: 'admits people of these Google Workspace domains only',
    ACCESS_TYPE: '`offline` requests a refresh token, for calls to Google\'s APIs later'
  },

  mistakes: ({ own: { ACCESS_TYPE: accessType, HOSTED_DOMAIN: domains } }) => [
    ...['online', 'offline', undefined].includes(accessType) ? [] : ['ACCESS_TYPE must be online or offline'],
    ...listMistakes('HOSTED_DOMAIN', domains, (domain) => DOMAIN.test(domain), 'must be a domain, such as example.com')
  ],

  create (settings) {
    const issuer = settings.issuer ?? ISSUER
    const { ACCESS_TYPE: accessType } = settings.own
    const hostedDomains = list(settings.own['HOSTED_DOMAIN']?.toLowerCase())
    const isRestricted = hostedDomains.length > 0
    const provider = createOidcProvider(settings, {
      name: google.name,
      scope: google.scope,
      issuer,
      isIssuer: (iss) => iss === issuer || (issuer === ISSUER && iss === 'accounts.google.com'),
      isEmailVerified: emailTrust('google').isVerified,
      authentication: 'body',
      authorizationParameters: {
        // `*` shows the accounts of any Workspace.
        ...isRestricted ? { hd: hostedDomains.length === 1 ? String(hostedDomains[0]) : '*' } : {},
        ...accessType === 'offline' ? { access_type: 'offline' } : {}
      },
      loginParameters: (asked) => toOidcParameters({ ...asked, prompt: promptsFor(asked, accessType) }),
      assertAllowed (claims) {
        if (!isRestricted || hostedDomains.some((domain) => domain === claims['hd'])) return
        throw new Problem('access_denied', `Only people of ${hostedDomains.join(', ')} may sign in with Google here.`)
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
