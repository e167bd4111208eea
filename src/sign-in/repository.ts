import { v7 as uuidv7 } from 'uuid'
import { hashIdentity } from '../accounts/identity.ts'
import type { SealedTokens } from '../accounts/provider-tokens.ts'
import { recordEvents } from '../audit/events.ts'
import { activeSession, openingEnds } from '../database/active-session.ts'
import type { Database } from '../database/database.ts'
import type { Prisma } from '../database/generated/client.ts'
import type { AccountModel, UserModel } from '../database/generated/models.ts'
import type { Transaction } from '../database/transaction.ts'
import type { Caller } from '../http/caller.ts'
import type { Profile } from '../providers/provider.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { updatedAfter } from '../users/updated-at.ts'
import { signInKnownPerson, type KnownPersonSignIn } from './known-person.ts'
import type { NewSession, SignedIn } from './new-session.ts'
import { changedFields, eventsOf, type EmailOwner, type KnownUser, type SignInPlan } from './plan.ts'

export type { NewSession, SignedIn }

/** The account of an identity with its user, and the user who has its verified email, as they are in the database. */
export interface Found {
  account: (AccountModel & { user: FoundUser }) | null
  emailOwner: (EmailOwner & Pick<UserModel, 'updatedAt'>) | null
}

export type FoundUser = KnownUser & Pick<UserModel, 'updatedAt'>

export interface SignInWrite {
  plan: Exclude<SignInPlan, { outcome: 'refuse' }>
  found: Found
  profile: Profile
  /** Null members stay as they are: this sign-in brought none. */
  tokens: SealedTokens
  /** When the person signed in at the provider; undefined for the time of this sign-in. */
  authenticatedAt: Date | undefined
  session: NewSession
  maxSessions: number | undefined
  caller: Caller
}

export interface SignInRepository {
  /** Marks a state as used. False when it was used before: of many calls at once, one gets true. */
  spendState: (hash: NonSharedBuffer, expiresAt: Date) => Promise<boolean>
  /** See known-person.ts. */
  signInKnownPerson: (signIn: KnownPersonSignIn) => Promise<SignedIn | undefined>
  find: (profile: Profile) => Promise<Found>
  /**
   * Writes what was planned, all or nothing: the user, the account, the session and its code, and the events. Throws a
   * conflict of the database (P2002, P2025) when what was found is no longer so: find and plan again.
   */
  write: (write: SignInWrite) => Promise<SignedIn>
}

export function createSignInRepository ({ prisma, clock }: Database): SignInRepository {
  return {
    async spendState (hash, expiresAt) {
      // The insert decides between two that spend it at once.
      const inserted = await prisma.$executeRaw`
        INSERT INTO spent_states (hash, expires_at) VALUES (${hash}, ${expiresAt}) ON CONFLICT DO NOTHING`
      return inserted === 1
    },

    signInKnownPerson: (signIn) => signInKnownPerson(prisma, signIn),

    async find ({ provider, issuer, subject, email, emailVerified }) {
      const account = await prisma.account.findFirst({
        where: { provider, issuer, subject },
        include: { user: true },
        relationLoadStrategy: 'join'
      })
      const emailOwner =
        emailVerified && email !== null
          ? await findEmailOwner(email, hashIdentity({ provider, issuer, subject }))
          : null
      return { account: account && { ...account, user: toKnownUser(account.user) }, emailOwner }
    },

    write: async (write) =>
      await prisma.$transaction(async (tx) => {
        const now = clock.now()
        const { session, profile: { provider }, plan } = write
        const userId = await writeUser(tx, write, now)
        const accountId = await writeAccount(tx, write, userId, now)
        const authenticatedAt = earlierOf(write.authenticatedAt, now)
        const sessionId = await openSession(tx, write, { userId, accountId, authenticatedAt })
        const { clientId } = session
        await recordEvents(tx, eventsOf(plan, { userId, accountId, sessionId, clientId, provider }), write.caller)
        return { userId, sessionId, authenticatedAt }
      })
  }

  async function findEmailOwner (email: string, identityHash: NonSharedBuffer): Promise<Found['emailOwner']> {
    const owner = await prisma.user.findFirst({
      where: { email },
      include: {
        accounts: { select: { provider: true, issuer: true, email: true, emailVerified: true } },
        unlinkedIdentities: { where: { identityHash }, select: { identityHash: true } }
      },
      relationLoadStrategy: 'join'
    })
    if (!owner) return null
    const { accounts, unlinkedIdentities, ...user } = owner
    return { ...toKnownUser(user), accounts, hasUnlinkedIdentity: unlinkedIdentities.length > 0 }
  }

  /** A user who changed since it was found, was disabled or is gone matches nothing: P2025. */
  async function writeUser (tx: Transaction, { plan, found }: SignInWrite, now: Date): Promise<string> {
    if (plan.outcome === 'create') {
      const metadata = (plan.metadata ?? {}) as Prisma.InputJsonObject
      const { id } = await tx.user.create({
        data: { id: uuidv7(), ...plan.fields, metadata, lastLoginAt: now },
        select: { id: true }
      })
      return id
    }
    const { id, roles } = plan.user
    const { updatedAt } = (found.account?.user ?? found.emailOwner)!
    const isChanged = changedFields(plan).length > 0 || roles.length !== plan.fields.roles.length
    await tx.user.update({
      where: { id, updatedAt, disabledAt: null },
      data: { lastLoginAt: now, ...(isChanged ? { ...plan.fields, updatedAt: updatedAfter(updatedAt, now) } : {}) },
      select: { id: true }
    })
    return id
  }

  /** An account that was unlinked meanwhile matches nothing: P2025. One that another sign-in created first: P2002. */
  async function writeAccount (
    tx: Transaction,
    { found, profile, tokens }: SignInWrite,
    userId: string,
    now: Date
  ): Promise<string> {
    const { sealedTokens, sealedRefreshToken } = tokens
    const { name, ...described } = profile
    if (!found.account) {
      const data = { id: uuidv7(), userId, ...profile, sealedTokens, sealedRefreshToken, lastLoginAt: now }
      return (await tx.account.create({ data, select: { id: true } })).id
    }
    const { id } = found.account
    const data = {
      ...described,
      lastLoginAt: now,
      // Apple says the name only once.
      ...(name === null ? {} : { name }),
      ...(sealedTokens === null ? {} : { sealedTokens }),
      ...(sealedRefreshToken === null ? {} : { sealedRefreshToken })
    }
    await tx.account.update({ where: { id, userId }, data, select: { id: true } })
    return id
  }

  async function openSession (
    tx: Transaction,
    { session, profile, maxSessions, caller }: SignInWrite,
    { userId, accountId, authenticatedAt }: { userId: string, accountId: string, authenticatedAt: Date }
  ): Promise<string> {
    const { clientId, scope, resources = [], secretHash, dpopJkt = null, code } = session
    const { deviceCodeHash = null, pageSecretHash = null } = session
    const now = clock.now()
    if (maxSessions !== undefined) await makeRoom(tx, userId, maxSessions, caller, now)
    const id = uuidv7()
    await tx.session.create({
      data: {
        id,
        userId,
        accountId,
        clientId,
        scope,
        resources,
        secretHash,
        deviceCodeHash,
        pageSecretHash,
        dpopJkt,
        provider: profile.provider,
        ipAddress: caller.ipAddress,
        userAgent: caller.userAgent,
        authenticatedAt,
        ...openingEnds(clock, session)
      },
      select: { id: true }
    })
    if (code) {
      const { hash, redirectUri, codeChallenge, nonce, dpopJkt = null, lifetimeSeconds } = code
      const data = {
        hash,
        sessionId: id,
        clientId,
        redirectUri,
        codeChallenge,
        nonce,
        dpopJkt,
        expiresAt: clock.inSeconds(lifetimeSeconds)
      }
      await tx.authorizationCode.create({ data, select: { hash: true } })
    }
    return id
  }

  /**
   * Ends the sessions used longest ago. The user's row is locked by now, so that each sign-in sees the session of the
   * one before.
   */
  async function makeRoom (
    tx: Transaction,
    userId: string,
    maxSessions: number,
    caller: Caller,
    now: Date
  ): Promise<void> {
    const surplus = await tx.session.findMany({
      where: { userId, personalToken: null, ...activeSession(now) },
      orderBy: [{ lastUsedAt: 'desc' }, { id: 'desc' }],
      skip: maxSessions - 1,
      select: { id: true }
    })
    if (surplus.length === 0) return
    const where = { id: { in: surplus.map(({ id }) => id) } }
    await endSessions(tx, { where, reason: 'too_many_sessions', now }, { actorId: userId, caller })
  }
}

function toKnownUser ({ disabledAt, ...user }: UserModel): FoundUser {
  return { ...user, isDisabled: disabledAt !== null }
}

function earlierOf (time: Date | undefined, now: Date): Date {
  return time !== undefined && time < now ? time : now
}
