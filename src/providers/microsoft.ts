import { emailTrust } from './email-trust.ts'
import { invalidIdToken } from './failure.ts'
import { member } from './claims.ts'
import { createOidcProvider } from './oidc.ts'
import type { ProviderDefinition } from './provider.ts'

/** The tenant of all personal accounts. */
const CONSUMERS = '9188040d-6c67-4c5b-b112-36a304b66dad'
const TENANT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

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
    '`MICROSOFT_ISSUER` chooses who may come: `https://login.microsoftonline.com/common/v2.0` (the default, everyone), `organizations`, `consumers`, or the id of one tenant in its place.',
    'The issuer of a token names the person\'s tenant, and the account is the tenant id `tid` with the object id `oid`: `sub` differs from app to app.',
    '`email` can be set by any tenant\'s administrator (nOAuth), so it counts as verified only with the optional claim `xms_edov`, to be added under "Token configuration".'
  ],

  create (settings) {
    const issuer = settings.issuer ?? 'https://login.microsoftonline.com/common/v2.0'
    const [, base = '', audience = '', rest = ''] = /^(.*)\/([^/]+)(\/v2\.0\/?)$/.exec(issuer) ?? [undefined, issuer, '', '']
    const issuerOf = (tenant: string) => `${base}/${tenant}${rest}`
    const isOpen = audience === 'common' || audience === 'organizations'
    const admits = (tenant: string) => TENANT_ID.test(tenant) && !(audience === 'organizations' && tenant === CONSUMERS)
    const tenantIssuer = audience === 'consumers' ? issuerOf(CONSUMERS) : issuer

    return createOidcProvider(settings, {
      name: microsoft.name,
      scope: microsoft.scope,
      issuer,
      discoveryIssuer: isOpen ? issuerOf('{tenantid}') : tenantIssuer,
      isIssuer (iss, claims) {
        if (!isOpen) return iss === tenantIssuer
        const tenant = claims['tid']
        return typeof tenant === 'string' && admits(tenant) && iss === issuerOf(tenant)
      },
      believesEmail: (_emailVerified, claims) => emailTrust('microsoft').believes(member(claims, 'xms_edov')),
      identity (claims) {
        const { tid, oid } = claims as { tid?: unknown, oid?: unknown }
        if (typeof tid !== 'string' || typeof oid !== 'string' || tid === '' || oid === '') throw invalidIdToken(microsoft.name, 'tid or oid is missing')
        return { issuer: claims.iss as string, subject: `${tid}.${oid}` }
      }
    })
  }
}
