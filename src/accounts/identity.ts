import { createHash } from 'node:crypto'

/** Names an account (never an email or a user name). */
export interface AccountIdentity { provider: string, issuer: string, subject: string }

/** Unambiguous, since neither a provider's id nor an issuer contains a space. `rekey` builds the same in SQL. */
export function toIdentityText ({ provider, issuer, subject }: AccountIdentity): string {
  return `${provider} ${issuer} ${subject}`
}

export function hashIdentity (identity: AccountIdentity): NonSharedBuffer {
  return createHash('sha256').update(toIdentityText(identity)).digest()
}
