import { toStoredTokens, type ProviderTokens, type SealedTokens } from '../accounts/provider-tokens.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Caller } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import type { Identified } from '../providers/provider.ts'
import { isEmailAllowed, provenEmail } from '../users/admission.ts'
import type { CreationHook } from './creation-hook.ts'
import { planSignIn, type RefusalCode, type SignInPolicy } from './plan.ts'
import type { NewSession, SignedIn, SignInRepository } from './repository.ts'

/** A person whom a provider has identified. A native sign-in brings no tokens of the provider. */
export type IdentifiedPerson = Omit<Identified, 'tokens'> & Partial<Pick<Identified, 'tokens'>>

export interface SignInOptions {
  repository: SignInRepository
  providerTokens: ProviderTokens
  policy: SignInPolicy & {
    /** When a sign-in opens one more, the sessions used longest ago end. Undefined for no limit. */
    maxSessionsPerUser?: number | undefined
  }
  /** Asked before a user is created, outside of any transaction. */
  mayCreate: CreationHook
  /** Told of each person before anything is decided. */
  onIdentified?: (profile: Identified['profile']) => void
}

export type SignIn = (person: IdentifiedPerson, session: NewSession, caller: Caller) => Promise<SignedIn>

const NO_TOKENS: SealedTokens = { sealedTokens: null, sealedRefreshToken: null }

/**
 * Signs in an identified person: finds what is known, plans what it means, and writes it, all or nothing. When another
 * request changed what was found, it begins again. Throws SignInRefused, or what the creation hook throws.
 */
export function createSignIn (
  { repository, providerTokens, policy, mayCreate, onIdentified }: SignInOptions
): SignIn {
  const { maxSessionsPerUser: maxSessions, adminEmails, allowedEmailDomains } = policy

  return async ({ profile, tokens: tokenSet, authenticatedAt }, session, caller) => {
    onIdentified?.(profile)
    const tokens = tokenSet ? providerTokens.seal(profile, toStoredTokens(tokenSet)) : NO_TOKENS
    const isAdminEmail = profile.emailVerified && profile.email !== null && adminEmails.includes(profile.email)
    // Otherwise the user's own address decides.
    const domains = isEmailAllowed(policy, provenEmail(profile)) ? null : allowedEmailDomains
    let hookAnswer: ReturnType<CreationHook> | undefined

    return await retryingConflicts(async () => {
      if (maxSessions === undefined) {
        const signedIn = await repository.signInKnownPerson({
          profile, tokens, authenticatedAt, session, isAdminEmail, domains, caller
        })
        if (signedIn) return signedIn
      }
      const found = await repository.find(profile)
      const plan = planSignIn({ profile, ...found, policy })
      if (plan.outcome === 'refuse') throw new SignInRefused(plan.userId, plan.code)
      if (plan.outcome === 'create') {
        const { roles, metadata } = await (hookAnswer ??= mayCreate(profile))
        plan.fields.roles = [...new Set([...roles, ...plan.fields.roles])]
        if (metadata) plan.metadata = metadata
      }
      return await repository.write({
        plan, found, profile, tokens, authenticatedAt, session, maxSessions, caller
      })
    })
  }
}

const REASONS: Record<RefusalCode, string> = {
  account_disabled: 'An administrator has disabled this account.',
  sign_up_closed: 'Only people who have an account here may sign in: new accounts are not created.',
  email_not_allowed: 'Only people with a verified email address of certain domains may sign in here.'
}

export class SignInRefused extends Problem {
  /** Null for a person who has no user. */
  readonly userId: string | null

  constructor (userId: string | null, code: RefusalCode) {
    super(code, REASONS[code])
    this.userId = userId
  }
}
