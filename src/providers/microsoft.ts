import { emailTrust } from './email-trust.ts'
import { invalidIdToken } from './failure.ts'
import { member } from './claims.ts'
import { toOidcParameters } from './login-parameters.ts'
import { createOidcProvider } from './oidc.ts'
import type { ProviderDefinition } from './provider.ts'

const ISSUER = 'https://login.microsoftonline.com/common/v2.0'

/** The tenant of personal accounts. */
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
/** In lower case, as tokens have it, so that one tenant has one spelling. */
const TENANT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export const microsoft: ProviderDefinition = {
  id: 'microsoft',
  name: 'Microsoft',
  documentation: [
    'https://learn.microsoft.com/en-us/entra/identity-platform/v2-protocols-oidc',
    'https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference'
  ],
  console: 'https://entra.microsoft.com, "App registrations", platform "Web"',
  scope: ['openid', 'profile', 'email'],
  quirks: [
    '`MICROSOFT_ISSUER` chooses who may sign in: `https://login.microsoftonline.com/common/v2.0` (the default, ' +
      'everyone), `organizations`, `consumers`, or the id of one tenant in its place.',
    'The issuer of a token names the person\'s tenant, and the account is the tenant id `tid` with the object id ' +
      '`oid`: `sub` differs from app to app.',
    '`email` can be set by any tenant\'s administrator (nOAuth), so it counts as verified only with the optional ' +
      'claim `xms_edov`, which you add under "Token configuration".',
    'One `prompt` only: of several the first of `login`, `select_account`, `consent`. ID tokens say when people ' +
      'signed in only with the optional claim `auth_time`, which you add under "Token configuration".',
    '`oid` needs the scope `profile`: without it every sign-in fails. A refresh token needs the scope ' +
      '`offline_access`.'
  ],

  mistakes: ({ issuer }) => issuer === undefined || readIssuer(issuer)
    ? []
    : ['ISSUER must end in /common/v2.0, /organizations/v2.0, /consumers/v2.0 or /<tenant id>/v2.0'],

  create (settings) {
    const issuer = settings.issuer ?? ISSUER
    const { base, audience } = readIssuer(issuer) ?? { base: issuer, audience: '' }
    const issuerOf = (tenant: string) => `${base}/${tenant}/v2.0`
    const isOpen = audience === 'common' || audience === 'organizations'
    const onlyTenant = audience === 'consumers' ? CONSUMERS : audience
    const isAllowedTenant = (tenant: unknown): tenant is string => isOpen
      ? typeof tenant === 'string' && TENANT_ID.test(tenant) && !(audience === 'organizations' && tenant === CONSUMERS)
      : tenant === onlyTenant

    return createOidcProvider(settings, {
      name: microsoft.name,
      scope: microsoft.scope,
      issuer,
      discoveryIssuer: issuerOf(isOpen ? '{tenantid}' : onlyTenant),
      // The token names its tenant twice: both must agree, and the tenant must be allowed.
      isIssuer: (iss, { tid }) => isAllowedTenant(tid) && iss === issuerOf(tid),
      isResponseIssuer: (iss) => readIssuer(iss)?.base === base && isAllowedTenant(readIssuer(iss)?.audience),
      authentication: 'body',
      // AADSTS90023: one value only.
      loginParameters: (asked) => toOidcParameters({ ...asked, prompt: asked.prompt.slice(0, 1) }),
      // The user info has nothing more, and its picture needs a token for Microsoft Graph.
      userinfo: false,
      isEmailVerified: (_emailVerified, claims) => emailTrust('microsoft').isVerified(member(claims, 'xms_edov')),
      identity (claims) {
        const { tid, oid } = claims
        if (typeof oid !== 'string' || oid === '') {
          throw invalidIdToken(microsoft.name, 'oid is missing; it needs the scope profile')
        }
        return { issuer: claims.iss as string, subject: `${tid as string}.${oid}` }
      }
    })
  }
}

/** The two parts of `<base>/<audience>/v2.0`; undefined for anything else. */
function readIssuer (issuer: string): { base: string, audience: string } | undefined {
  const [, base, audience] = /^(.+)\/([^/]+)\/v2\.0$/.exec(issuer) ?? []
  if (base === undefined || audience === undefined) return undefined
  const isAudience = ['common', 'organizations', 'consumers'].includes(audience) || TENANT_ID.test(audience)
  return isAudience ? { base, audience } : undefined
}
