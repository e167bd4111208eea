/**
 * Whose word on an email address is believed, and what that word must look like (SEC-29). Believed means: the address may
 * fill the user's email and join accounts. Who is not in the table is never believed.
 */
export interface EmailTrust {
  /** For people; docs/providers.md prints it. */
  rule: string
  /** Strict on types: a text "false" is not true, nor is a text "true" but where the provider documents it. */
  believes: (word: unknown) => boolean
}

const isTrue = (word: unknown) => word === true

const EMAIL_TRUST: Record<string, EmailTrust> = {
  github: { rule: 'the entry of `/user/emails` that is `primary` and `verified`', believes: isTrue },
  google: { rule: '`email_verified` is `true`', believes: isTrue },
  apple: { rule: '`email_verified` is `true` or `"true"`', believes: (word) => word === true || word === 'true' },
  microsoft: { rule: '`xms_edov` is `true` (or `"true"`, `1` or `"1"`): the domain of the address is proven', believes: (word) => word === true || word === 1 || word === '1' || word === 'true' },
  gitlab: { rule: '`confirmed_at` is a time, and `email` does not wait to be confirmed', believes: isTrue },
  discord: { rule: '`verified` is `true`', believes: isTrue },
  slack: { rule: '`email_verified` is `true`', believes: isTrue },
  linkedin: { rule: '`email_verified` is `true`', believes: isTrue },
  twitch: {
    rule: '`/helix/users` has an email, for the scope `user:read:email`, and no `email_verified` but `true`: Twitch tells none that is not verified',
    believes: (word) => word === undefined || word === true
  }
}

const NEVER: EmailTrust = { rule: 'never', believes: () => false }

export function emailTrust (providerId: string): EmailTrust {
  return EMAIL_TRUST[providerId] ?? NEVER
}
