import { toStoredTokens, type ProviderTokens, type SealedTokens } from '../accounts/provider-tokens.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Caller } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import type { Identified } from '../providers/provider.ts'
import type { CreationHook } from './creation-hook.ts'
import { planSignIn, type SignInPolicy } from './plan.ts'
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
}

export type SignIn = (person: IdentifiedPerson, session: NewSession, caller: Caller) => Promise<SignedIn>

const NO_TOKENS: SealedTokens = { sealedTokens: null, sealedRefreshToken: null }

/**
 * Signs in an identified person: finds what is known, plans what it means, and writes it, all or nothing. When another
 * request changed what was found, it begins again. Throws AccountDisabled, or what the creation hook throws.
 */
export function createSignIn ({ repository, providerTokens, policy, mayCreate }: SignInOptions): SignIn {
  const { maxSessionsPerUser: maxSessions, adminEmails } = policy

  return async ({ profile, tokens: tokenSet, authenticatedAt }, session, caller) => {
    const tokens = tokenSet ? providerTokens.seal(profile, toStoredTokens(tokenSet)) : NO_TOKENS
    const isAdminEmail = profile.emailVerified && profile.email !== null && adminEmails.includes(profile.email)
    let hookAnswer: ReturnType<CreationHook> | undefined

    return await retryingConflicts(async () => {
      if (maxSessions === undefined) {
        const signedIn = await repository.signInKnownPerson({
          profile, tokens, authenticatedAt, session, isAdminEmail, caller
        })
        if (signedIn) return signedIn
      }
      const found = await repository.find(profile)
      const plan = planSignIn({ profile, ...found, policy })
      if (plan.outcome === 'refuse') throw new AccountDisabled(plan.userId)
      if (plan.outcome === 'create') {
        const { roles } = await (hookAnswer ??= mayCreate(profile))
        plan.fields.roles = [...new Set([...roles, ...plan.fields.roles])]
      }
      return await repository.write({
        plan, found, profile, tokens, authenticatedAt, session, maxSessions, caller
      })
    })
  }
}

export class AccountDisabled extends Problem {
  readonly userId: string

  constructor (userId: string) {
    super('account_disabled', 'An administrator has disabled this account.')
    this.userId = userId
  }
}
