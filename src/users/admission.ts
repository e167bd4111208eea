/** Who may use this service; SIGN_UPS and ALLOWED_EMAIL_DOMAINS. */
export interface AdmissionPolicy {
  /** Whether people who have no user here may become one. */
  signUps: 'open' | 'closed'
  /** In every spelling that an address may have. Empty for any domain. */
  allowedEmailDomains: readonly string[]
}

/**
 * Whether one of a person's addresses is in an allowed domain. Give only addresses that were verified: the user's own,
 * and the one that a sign-in proves.
 */
export function isEmailAllowed (
  { allowedEmailDomains }: Pick<AdmissionPolicy, 'allowedEmailDomains'>, ...verifiedEmails: (string | null)[]
): boolean {
  return allowedEmailDomains.length === 0 || verifiedEmails.some((email) => {
    return email !== null && allowedEmailDomains.includes(email.slice(email.lastIndexOf('@') + 1))
  })
}

/** The address that a sign-in proves. */
export function provenEmail (
  { email, emailVerified }: { email: string | null, emailVerified: boolean }
): string | null {
  return emailVerified ? email : null
}
