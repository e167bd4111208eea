import { v7 as uuidv7 } from 'uuid'
import type { Caller } from '../audit/audit-event.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Prisma } from '../database/generated/client.ts'
import type { Database } from '../plugins/database.ts'
import type { Profile } from '../providers/provider.ts'
import { toUser, type User } from '../users/user.ts'
import { decideSignIn, followProvider } from './link-account.ts'

export interface NewSession {
  clientId: string
  scope: string
  secretHash: Buffer
  idleSeconds: number
  maximumSeconds: number
  /** For a client that will exchange it for the session's tokens. */
  code?: { hash: Buffer, redirectUri: string, codeChallenge: string, nonce: string | null, lifetimeSeconds: number }
}

export interface SignInPolicy { autoLink: 'verified' | 'never', adminEmails: string[] }

export interface SignedIn { user: User, sessionId: string, authenticatedAt: Date }

export interface SignInRepository {
  /** Marks a state as used. False when it was used before: of many that try at once, one gets true. */
  spendState: (hash: Buffer, expiresAt: Date) => Promise<boolean>
  /** Finds or creates the user, updates the account, opens a session: all or nothing. `refused` when the user is disabled. */
  signIn: (profile: Profile, session: NewSession, policy: SignInPolicy, caller: Caller) => Promise<SignedIn | 'refused'>
}

type Transaction = Prisma.TransactionClient

export function createSignInRepository ({ pool, prisma }: Database): SignInRepository {
  return {
    async spendState (hash, expiresAt) {
      const text = 'INSERT INTO spent_states (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING'
      return (await pool.query({ name: 'spend-state', text, values: [hash, expiresAt] })).rowCount === 1
    },

    signIn: (profile, session, policy, caller) => retryingConflicts(() => prisma.$transaction((tx) => signIn(tx, profile, session, policy, caller)))
  }
}

async function signIn (tx: Transaction, profile: Profile, session: NewSession, policy: SignInPolicy, caller: Caller): Promise<SignedIn | 'refused'> {
  const now = new Date()
  const account = await tx.account.findUnique({ where: { provider_issuer_subject: identity(profile) }, include: { user: true } })
  const holder = profile.email !== null && profile.emailVerified ? await tx.user.findUnique({ where: { email: profile.email } }) : null
  const decision = decideSignIn({
    profile,
    account: account && { userId: account.userId, userDisabled: account.user.disabledAt !== null },
    holder: holder && { userId: holder.id, disabled: holder.disabledAt !== null },
    autoLink: policy.autoLink
  })
  if (decision.outcome === 'refuse') return 'refused'

  const audit = (type: string, userId: string, sessionId?: string) => ({
    id: uuidv7(), type, userId, actorId: userId, clientId: session.clientId, provider: profile.provider, ...caller, details: sessionId ? { sessionId } : {}
  })
  const userId = decision.outcome === 'create' ? uuidv7() : decision.userId
  const events: Prisma.AuditEventCreateManyInput[] = []
  if (decision.outcome === 'create') {
    const { name, avatarUrl, locale } = profile
    const { email } = decision
    const roles = rolesOf(email, [], policy)
    await tx.user.create({ data: { id: userId, email, name, avatarUrl, locale, roles, createdAt: now, updatedAt: now, lastLoginAt: now } })
    events.push(audit('user.created', userId))
  } else {
    const user = account?.user ?? holder as NonNullable<typeof holder>
    const followed = followProvider(user, account, profile)
    // Another user holds the address that the provider now names: this user keeps the one they have.
    if (holder && holder.id !== userId) followed.email = user.email
    const roles = rolesOf(followed.email, user.roles, policy)
    await tx.user.update({ where: { id: userId }, data: { ...followed, roles, lastLoginAt: now } })
  }
  if (account) {
    await tx.account.update({ where: { id: account.id }, data: { ...described(profile), lastLoginAt: now } })
  } else {
    await tx.account.create({ data: { id: uuidv7(), userId, ...identity(profile), ...described(profile), createdAt: now, lastLoginAt: now } })
    if (decision.outcome === 'join') events.push(audit('account.linked', userId))
  }

  const sessionId = uuidv7()
  const { clientId, scope, secretHash, idleSeconds, maximumSeconds } = session
  const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)
  await tx.session.create({
    data: {
      id: sessionId,
      userId,
      clientId,
      scope,
      secretHash: Uint8Array.from(secretHash),
      provider: profile.provider,
      ipAddress: caller.ipAddress,
      userAgent: caller.userAgent,
      authenticatedAt: now,
      idleExpiresAt: later(Math.min(idleSeconds, maximumSeconds)),
      expiresAt: later(maximumSeconds)
    }
  })
  if (session.code) {
    const { hash, redirectUri, codeChallenge, nonce, lifetimeSeconds } = session.code
    const expiresAt = later(lifetimeSeconds)
    await tx.authorizationCode.create({ data: { hash: Uint8Array.from(hash), sessionId, clientId, redirectUri, codeChallenge, nonce, expiresAt } })
  }
  await tx.auditEvent.createMany({ data: [...events, audit('login.succeeded', userId, sessionId)] })
  const user = await tx.user.findUniqueOrThrow({ where: { id: userId }, include: { accounts: { orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] } } })
  return { user: toUser(user), sessionId, authenticatedAt: now }
}

const identity = ({ provider, issuer, subject }: Profile) => ({ provider, issuer, subject })

const described = ({ username, email, emailVerified, name, avatarUrl, locale, scope }: Profile) =>
  ({ username, email, emailVerified, name, avatarUrl, locale, scope })

/** ADMIN_EMAILS makes an administrator of whoever holds such an address, verified. It takes the role from nobody. */
function rolesOf (email: string | null, roles: string[], { adminEmails }: SignInPolicy): string[] {
  return email !== null && adminEmails.includes(email) && !roles.includes('admin') ? [...roles, 'admin'] : roles
}
