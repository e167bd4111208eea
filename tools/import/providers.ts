import { member, subject as usableSubject } from '../../src/providers/claims.ts'
import { emailTrust } from '../../src/providers/email-trust.ts'
import type { ProviderSettings } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import type { Identity } from './person.ts'

/** Signet's own name for an account: what a sign-in at the provider will look for. */
export interface ProviderIdentity {
  provider: string
  issuer: string
  subject: string
  /** Whether the provider's word on email is trusted: an address counts as verified only then. */
  isEmailTrusted: boolean
}

export type UnknownIdentity = 'unknown_provider' | 'foreign_subject' | 'unusable_subject'

/** What other systems call the built-in providers, in lower case, after `oauth_` and `.com` are taken off. */
const ALIASES: Record<string, string> = {
  'google-oauth2': 'google',
  twitter: 'x',
  azure: 'microsoft',
  'azure-ad': 'microsoft',
  'microsoft-entra-id': 'microsoft',
  windowslive: 'microsoft',
  waad: 'microsoft',
  slack_oidc: 'slack',
  'slack-oauth-2': 'slack',
  linkedin_oidc: 'linkedin'
}

/**
 * Translates identities of other systems for the providers of the settings. `named` says which of them a name of the
 * source means, where that is not plain.
 */
export function createProviderNames (settings: readonly ProviderSettings[], named: ReadonlyMap<string, string>) {
  const providers = createProviders([...settings])

  function idOf (name: string): string {
    const plain = name.toLowerCase().replace(/^(oauth_|custom:|oidc\.)/, '').replace(/\.com$/, '')
    return named.get(name) ?? ALIASES[plain] ?? plain
  }

  return function translate ({ provider: name, subject, claims }: Identity): ProviderIdentity | UnknownIdentity {
    const id = idOf(name)
    const provider = providers.get(id)
    const isBuiltIn = settings.some((one) => one.id === id && one.kind === 'built-in')
    // The operator of the source chose this name: `oidc.gitlab` may be a GitLab of their own, with ids of its own.
    const isOwnName = /^(custom:|oidc\.)/i.test(name) && !named.has(name)
    if (!provider || (isBuiltIn && isOwnName)) return 'unknown_provider'
    const scoped = isBuiltIn && Object.hasOwn(SCOPED, id) ? SCOPED[id]!(subject, claims) : { subject }
    if (!scoped) return 'foreign_subject'
    const accountSubject = usableSubject(scoped.subject)
    if (accountSubject === undefined) return 'unusable_subject'
    const isEmailTrusted = isBuiltIn
      // Microsoft's own `email_verified` proves nothing: its rule is about another claim.
      ? emailTrust(id).isVerified(id === 'microsoft' ? member(claims, 'xms_edov') : true)
      : settings.some((one) => one.id === id && one.emailTrusted)
    const issuer = scoped.issuer?.(provider.accountIssuer) ?? provider.accountIssuer
    return { provider: id, issuer, subject: accountSubject, isEmailTrusted }
  }
}

interface Scoped { subject: unknown, issuer?: (accountIssuer: string) => string }

/** Providers whose subjects Signet takes from another claim, or within a tenant. Undefined where that is missing. */
const SCOPED: Record<string, (subject: unknown, claims: unknown) => Scoped | undefined> = {
  // `sub` differs from app to app: Signet's account is the tenant and the object id.
  microsoft (_subject, claims) {
    const [tid, oid] = [usableSubject(member(claims, 'tid')), usableSubject(member(claims, 'oid'))]
    if (tid === undefined || oid === undefined) return undefined
    return { subject: `${tid}.${oid}`, issuer: (issuer) => issuer.replace(/[^/]+\/v2\.0$/, `${tid}/v2.0`) }
  },
  slack (subject, claims) {
    const team = usableSubject(member(claims, 'https://slack.com/team_id'))
    return team === undefined ? undefined : { subject, issuer: (issuer) => `${issuer}/${encodeURIComponent(team)}` }
  },
  // Other systems keep `id`, which is not for linking accounts: Signet's account is `account_id`.
  spotify (_subject, claims) {
    const accountId = usableSubject(member(claims, 'account_id'))
    return accountId === undefined ? undefined : { subject: accountId }
  },
  // Some systems keep `account_id` instead.
  bitbucket: (subject) => typeof subject === 'string' && /^\{.+\}$/.test(subject) ? { subject } : undefined
}
