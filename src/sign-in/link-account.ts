import type { Profile } from '../providers/provider.ts'

/** All that the decision needs to know. */
export interface SignInFacts {
  profile: Pick<Profile, 'email' | 'emailVerified'>
  /** The account of this identity, when it has signed in before. */
  account: { userId: string, userDisabled: boolean } | null
  /** The user who holds the profile's email. A user's email is always verified. */
  holder: { userId: string, disabled: boolean } | null
  autoLink: 'verified' | 'never'
}

export type SignInDecision =
  | { outcome: 'sign-in', userId: string }
  | { outcome: 'join', userId: string }
  | { outcome: 'create', email: string | null }
  | { outcome: 'refuse', code: 'account_disabled', userId: string }

/**
 * What a sign-in means. Only an email verified on both sides may join; anything else creates or refuses. The provider's
 * trust on email is already part of `emailVerified`: an untrusted provider's profile never has it.
 */
export function decideSignIn ({ profile, account, holder, autoLink }: SignInFacts): SignInDecision {
  if (account) return account.userDisabled ? refuse(account.userId) : { outcome: 'sign-in', userId: account.userId }
  if (!profile.emailVerified) return { outcome: 'create', email: null }
  if (!holder) return { outcome: 'create', email: profile.email }
  if (holder.disabled) return refuse(holder.userId)
  return autoLink === 'verified' ? { outcome: 'join', userId: holder.userId } : { outcome: 'create', email: null }
}

const refuse = (userId: string): SignInDecision => ({ outcome: 'refuse', code: 'account_disabled', userId })

interface Followed { email: string | null, name: string | null, avatarUrl: string | null, locale: string | null }

/**
 * The user's fields after a login. A field follows the account it came from until the user edits it: it is taken over
 * when it is empty, or still is what this account said last time. A verified email never gives way to an unverified one.
 */
export function followProvider (user: Followed & { editedFields: string[] }, before: Followed | null, now: Followed & { emailVerified: boolean }): Followed {
  const follow = (field: keyof Followed) => {
    const follows = !user.editedFields.includes(field) && (user[field] === null || user[field] === before?.[field])
    return follows ? now[field] ?? user[field] : user[field]
  }
  return { email: now.emailVerified ? follow('email') : user.email, name: follow('name'), avatarUrl: follow('avatarUrl'), locale: follow('locale') }
}
