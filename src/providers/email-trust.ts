/**
 * Which emails count as verified (SEC-29). A verified email may become the user's and link accounts. Emails of
 * providers that are not in the table never count.
 */
export interface EmailTrust {
  /** For people; docs/providers.md prints it. */
  rule: string
  /**
   * Whether the provider's value says "verified". Strict on types: strings count only where the provider documents
   * them.
   */
  isVerified: (value: unknown) => boolean
}

const isTrue = (value: unknown) => value === true

const EMAIL_TRUST: Record<string, EmailTrust> = {
  github: { rule: 'the entry of `/user/emails` that is `primary` and `verified`', isVerified: isTrue },
  google: { rule: '`email_verified` is `true`', isVerified: isTrue },
  apple: { rule: '`email_verified` is `true` or `"true"`', isVerified: (value) => value === true || value === 'true' },
  microsoft: {
    rule: '`xms_edov` is `true` (or `"true"`, `1` or `"1"`): the tenant owns the domain of the address',
    isVerified: (value) => value === true || value === 1 || value === '1' || value === 'true'
  },
  gitlab: { rule: '`confirmed_at` is a time, and `email` is not waiting to be confirmed', isVerified: isTrue },
  discord: { rule: '`verified` is `true`', isVerified: isTrue },
  slack: { rule: '`email_verified` is `true`', isVerified: isTrue },
  linkedin: { rule: '`email_verified` is `true`', isVerified: isTrue },
  twitch: {
    rule: '`/helix/users` has an email, with the scope `user:read:email`, and no `email_verified` other than `true`: ' +
      'Twitch returns verified emails only',
    isVerified: (value) => value === undefined || value === true
  }
}

const NEVER: EmailTrust = { rule: 'never', isVerified: () => false }

export function emailTrust (providerId: string): EmailTrust {
  return EMAIL_TRUST[providerId] ?? NEVER
}
