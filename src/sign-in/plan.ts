import type { NewEvent } from '../audit/events.ts'
import type { Profile } from '../providers/provider.ts'
import type { Metadata } from '../users/metadata.ts'
import { isEmailAllowed, provenEmail, type AdmissionPolicy } from '../users/admission.ts'

/** The fields of a user that follow a provider until the user edits them. */
export type FollowedFields = Pick<Profile, 'email' | 'name' | 'avatarUrl' | 'locale'>

export interface UserFields extends FollowedFields {
  roles: string[]
}

/** A user as the plan needs to know it. `editedFields` also names `roles` once an administrator has set them. */
export interface KnownUser extends UserFields {
  id: string
  editedFields: string[]
  isDisabled: boolean
}

/** The user who has an address, and what speaks for and against its being the same person. */
export interface EmailOwner extends KnownUser {
  accounts: Pick<Profile, 'provider' | 'issuer' | 'email' | 'emailVerified'>[]
  /** True when this user has unlinked the identity that signs in. */
  hasUnlinkedIdentity: boolean
}

export interface SignInFacts {
  profile: Profile
  /** The account of this identity and its user, when it has signed in before. */
  account: (FollowedFields & { user: KnownUser }) | null
  /** The user who has the profile's verified email. */
  emailOwner: EmailOwner | null
  policy: SignInPolicy
}

export interface SignInPolicy extends AdmissionPolicy {
  autoLink: 'verified' | 'never'
  /** A sign-in that proves one of these addresses makes the user an administrator. */
  adminEmails: string[]
}

export type RefusalCode = 'account_disabled' | 'sign_up_closed' | 'email_not_allowed'

/** What a sign-in means, and what it writes to the user. */
export type SignInPlan =
  | { outcome: 'refuse', userId: string | null, code: RefusalCode }
  | { outcome: 'create', fields: UserFields, metadata?: Metadata }
  | { outcome: 'link' | 'sign-in', user: KnownUser, fields: UserFields }

export function planSignIn (facts: SignInFacts): SignInPlan {
  const plan = planForAnyone(facts)
  const { profile, policy } = facts
  if (plan.outcome === 'refuse') return plan
  const userId = plan.outcome === 'create' ? null : plan.user.id
  if (plan.outcome === 'create' && policy.signUps === 'closed') return refuse(userId, 'sign_up_closed')
  return isEmailAllowed(policy, plan.fields.email, provenEmail(profile)) ? plan : refuse(userId, 'email_not_allowed')
}

function refuse (userId: string | null, code: RefusalCode): SignInPlan {
  return { outcome: 'refuse', userId, code }
}

/** The plan of a service that admits everyone. */
function planForAnyone ({ profile, account, emailOwner, policy }: SignInFacts): SignInPlan {
  const decision = decideSignIn({
    profile,
    account: account && { userId: account.user.id, isUserDisabled: account.user.isDisabled },
    emailOwner: emailOwner && {
      userId: emailOwner.id,
      isDisabled: emailOwner.isDisabled,
      isSamePerson: isSamePerson(emailOwner, profile)
    },
    autoLink: policy.autoLink
  })
  switch (decision.outcome) {
    case 'refuse':
      return refuse(decision.userId, 'account_disabled')
    case 'create': {
      const { name, avatarUrl, locale } = profile
      return {
        outcome: 'create',
        fields: {
          email: decision.email,
          name,
          avatarUrl,
          locale,
          roles: rolesOf(decision.email, null, profile, policy)
        }
      }
    }
    default: {
      const user = account?.user ?? emailOwner!
      const fields = followProvider(user, account, profile)
      // The provider now names an address that another user has: this user keeps the one they have.
      if (emailOwner && emailOwner.id !== user.id) fields.email = user.email
      return {
        outcome: decision.outcome,
        user,
        fields: { ...fields, roles: rolesOf(fields.email, user, profile, policy) }
      }
    }
  }
}

export interface DecisionFacts {
  profile: Pick<Profile, 'email' | 'emailVerified'>
  account: { userId: string, isUserDisabled: boolean } | null
  /** A user's email is always verified. */
  emailOwner: { userId: string, isDisabled: boolean, isSamePerson: boolean } | null
  autoLink: 'verified' | 'never'
}

export type SignInDecision =
  { outcome: 'sign-in' | 'link' | 'refuse', userId: string } | { outcome: 'create', email: string | null }

/**
 * Decides what a sign-in means. Only an email verified on both sides may link; anything else creates or refuses.
 * `emailVerified` is already false for a provider whose word on email is not trusted.
 */
export function decideSignIn ({ profile, account, emailOwner, autoLink }: DecisionFacts): SignInDecision {
  if (account) return { outcome: account.isUserDisabled ? 'refuse' : 'sign-in', userId: account.userId }
  if (!profile.emailVerified) return { outcome: 'create', email: null }
  if (!emailOwner) return { outcome: 'create', email: profile.email }
  if (emailOwner.isDisabled) return { outcome: 'refuse', userId: emailOwner.userId }
  return autoLink === 'verified' && emailOwner.isSamePerson
    ? { outcome: 'link', userId: emailOwner.userId }
    : { outcome: 'create', email: null }
}

/**
 * The user's fields after a sign-in. A field follows the account that it came from until the user edits it: it is taken
 * over when it is empty, or when it still is what this account said last time. A verified email never gives way to an
 * unverified one.
 */
export function followProvider (
  user: FollowedFields & { editedFields: string[] },
  before: FollowedFields | null,
  now: FollowedFields & { emailVerified: boolean }
): FollowedFields {
  const follow = (field: keyof FollowedFields) => {
    const follows = !user.editedFields.includes(field) && (user[field] === null || user[field] === before?.[field])
    return follows ? (now[field] ?? user[field]) : user[field]
  }
  return {
    email: now.emailVerified ? follow('email') : user.email,
    name: follow('name'),
    avatarUrl: follow('avatarUrl'),
    locale: follow('locale')
  }
}

/**
 * Whether the user who has an address is the person who signs in with it. An address can be given to another person: so
 * one of the user's accounts must still have it, verified, by its latest sign-in; a second subject at the same provider
 * is another person; and an identity that the user unlinked stays out.
 */
export function isSamePerson (
  { accounts, hasUnlinkedIdentity }: Pick<EmailOwner, 'accounts' | 'hasUnlinkedIdentity'>,
  profile: Profile
): boolean {
  const isStillKnown = accounts.some(({ email, emailVerified }) => emailVerified && email === profile.email)
  const hasOtherSubject = accounts.some(
    ({ provider, issuer }) => provider === profile.provider && issuer === profile.issuer
  )
  return isStillKnown && !hasOtherSubject && !hasUnlinkedIdentity
}

/**
 * ADMIN_EMAILS makes an administrator of the user who has proven such an address by this very sign-in. It takes the
 * role from no user, and gives it to none whose roles an administrator has set.
 */
function rolesOf (
  email: string | null,
  user: KnownUser | null,
  profile: Profile,
  { adminEmails }: SignInPolicy
): string[] {
  const { roles = [], editedFields = [] } = user ?? {}
  const hasProven = email !== null && profile.emailVerified && profile.email === email && adminEmails.includes(email)
  return hasProven && !roles.includes('admin') && !editedFields.includes('roles') ? [...roles, 'admin'] : roles
}

const FOLLOWED = ['email', 'name', 'avatarUrl', 'locale'] as const

/** The names of the fields that a plan changes. */
export function changedFields ({ user, fields }: { user: KnownUser, fields: UserFields }): string[] {
  return FOLLOWED.filter((field) => user[field] !== fields[field])
}

export interface SignInIds {
  userId: string
  accountId: string
  sessionId: string
  clientId: string
  provider: string
}

/** The events of a sign-in, in the order in which they happened: the user came to be or changed, and then signed in. */
export function eventsOf (plan: Exclude<SignInPlan, { outcome: 'refuse' }>, ids: SignInIds): NewEvent[] {
  const { userId, accountId, sessionId, clientId, provider } = ids
  const event = (type: NewEvent['type'], details: NewEvent['details'] = {}): NewEvent => ({
    type,
    userId,
    actorId: userId,
    clientId,
    provider,
    details: { sessionId, ...details }
  })
  const { roles } = plan.fields
  if (plan.outcome === 'create') {
    return [event('user.created', roles.length > 0 ? { roles } : {}), event('login.succeeded')]
  }
  const fields = changedFields(plan)
  return [
    ...(plan.outcome === 'link' ? [event('account.linked', { accountId })] : []),
    ...(fields.length > 0 ? [event('user.updated', { fields })] : []),
    ...(plan.user.roles.length !== roles.length ? [event('user.roles_changed', { roles })] : []),
    event('login.succeeded')
  ]
}
