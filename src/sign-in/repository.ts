import { v7 as uuidv7 } from 'uuid'
import type { Caller } from '../audit/audit-event.ts'
import { retryingConflicts } from '../database/conflicts.ts'
import type { Prisma } from '../database/generated/client.ts'
import type { AccountModel as AccountRow, UserModel as UserRow } from '../database/generated/models.ts'
import type { Database } from '../plugins/database.ts'
import type { Identified, Profile, TokenSet } from '../providers/provider.ts'
import { toUser, type User } from '../users/user.ts'
import { keepTokens, type ProviderTokens } from '../vault/provider-tokens.ts'
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
  signIn: (who: SigningIn, session: NewSession, policy: SignInPolicy, caller: Caller) => Promise<SignedIn | 'refused'>
}

/** A native sign-in brings no tokens of the provider. */
export type SigningIn = Pick<Identified, 'profile'> & Partial<Identified>

type Transaction = Prisma.TransactionClient

export function createSignInRepository ({ pool, prisma }: Database, vault: ProviderTokens): SignInRepository {
  return {
    async spendState (hash, expiresAt) {
      const text = 'INSERT INTO spent_states (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING'
      return (await pool.query({ name: 'spend-state', text, values: [hash, expiresAt] })).rowCount === 1
    },

    signIn: (who, session, policy, caller) => retryingConflicts(() => prisma.$transaction((tx) => signIn(tx, who, vault, session, policy, caller)))
  }
}

/**
 * Reads, decides, writes. The rows that several logins may share, user and account, are written last: whoever waits for
 * them waits for two statements and the commit.
 */
async function signIn (
  tx: Transaction, { profile, tokens }: SigningIn, vault: ProviderTokens, session: NewSession, policy: SignInPolicy, caller: Caller
): Promise<SignedIn | 'refused'> {
  const now = new Date()
  const withAccounts = { include: { accounts: true } } as const
  const account = await tx.account.findUnique({ where: { provider_issuer_subject: identity(profile) }, include: { user: withAccounts } })
  const holder = profile.email !== null && profile.emailVerified ? await tx.user.findUnique({ where: { email: profile.email }, ...withAccounts }) : null
  const decision = decideSignIn({
    profile,
    account: account && { userId: account.userId, userDisabled: account.user.disabledAt !== null },
    holder: holder && { userId: holder.id, disabled: holder.disabledAt !== null },
    autoLink: policy.autoLink
  })
  if (decision.outcome === 'refuse') return 'refused'

  const known = account?.user ?? (decision.outcome === 'join' ? holder : null)
  const userId = known?.id ?? uuidv7()
  const created = decision.outcome === 'create' ? await createUser(tx, userId, decision.email, profile, policy, now) : null
  const sessionId = await openSession(tx, userId, profile.provider, session, caller, now)
  const events = [...created ? ['user.created'] : [], ...decision.outcome === 'join' ? ['account.linked'] : [], 'login.succeeded']
  await tx.auditEvent.createMany({
    data: events.map((type) => ({
      id: uuidv7(), type, userId, actorId: userId, clientId: session.clientId, provider: profile.provider, ...caller, details: { sessionId }
    }))
  })

  const user = created ?? await updateUser(tx, known as NonNullable<typeof known>, account, holder, profile, policy, now)
  const accountId = account?.id ?? uuidv7()
  const data = { ...described(profile), ...sealed(vault, accountId, tokens, account), lastLoginAt: now }
  const current = account
    // Apple tells the name once: what is not said this time stays.
    ? await tx.account.update({ where: { id: accountId }, data: { ...data, name: profile.name ?? account.name } })
    : await tx.account.create({ data: { id: accountId, userId, ...identity(profile), ...data, createdAt: now } })
  const others = known?.accounts.filter(({ id }) => id !== current.id) ?? []
  const accounts = [...others, current].sort((one, other) => one.createdAt.getTime() - other.createdAt.getTime() || one.id.localeCompare(other.id))
  return { user: toUser({ ...user, accounts }), sessionId, authenticatedAt: now }
}

async function createUser (tx: Transaction, id: string, email: string | null, profile: Profile, policy: SignInPolicy, now: Date) {
  const { name, avatarUrl, locale } = profile
  return await tx.user.create({
    data: { id, email, name, avatarUrl, locale, roles: rolesOf(email, [], policy), createdAt: now, updatedAt: now, lastLoginAt: now }
  })
}

async function updateUser (
  tx: Transaction, user: UserRow, account: AccountRow | null, holder: UserRow | null, profile: Profile, policy: SignInPolicy, now: Date
) {
  const followed = followProvider(user, account, profile)
  // Another user holds the address that the provider now names: this user keeps the one they have.
  if (holder && holder.id !== user.id) followed.email = user.email
  return await tx.user.update({ where: { id: user.id }, data: { ...followed, roles: rolesOf(followed.email, user.roles, policy), lastLoginAt: now } })
}

async function openSession (tx: Transaction, userId: string, provider: string, session: NewSession, caller: Caller, now: Date): Promise<string> {
  const { clientId, scope, secretHash, idleSeconds, maximumSeconds, code } = session
  const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)
  const id = uuidv7()
  await tx.session.create({
    data: {
      id,
      userId,
      clientId,
      scope,
      provider,
      secretHash: Uint8Array.from(secretHash),
      ipAddress: caller.ipAddress,
      userAgent: caller.userAgent,
      authenticatedAt: now,
      idleExpiresAt: later(Math.min(idleSeconds, maximumSeconds)),
      expiresAt: later(maximumSeconds)
    }
  })
  if (code) {
    const { hash, redirectUri, codeChallenge, nonce, lifetimeSeconds } = code
    const expiresAt = later(lifetimeSeconds)
    await tx.authorizationCode.create({ data: { hash: Uint8Array.from(hash), sessionId: id, clientId, redirectUri, codeChallenge, nonce, expiresAt } })
  }
  return id
}

/** The provider's tokens for the account's row; what is there stays when this sign-in brought none. */
function sealed (vault: ProviderTokens, accountId: string, tokens: TokenSet | undefined, before: AccountRow | null): { sealedTokens?: string } {
  return tokens ? { sealedTokens: vault.seal(accountId, keepTokens(tokens, vault.open(accountId, before?.sealedTokens ?? null))) } : {}
}

const identity = ({ provider, issuer, subject }: Profile) => ({ provider, issuer, subject })

const described = ({ username, email, emailVerified, name, avatarUrl, locale, scope }: Profile) =>
  ({ username, email, emailVerified, name, avatarUrl, locale, scope })

/** ADMIN_EMAILS makes an administrator of whoever holds such an address, verified. It takes the role from nobody. */
function rolesOf (email: string | null, roles: string[], { adminEmails }: SignInPolicy): string[] {
  return email !== null && adminEmails.includes(email) && !roles.includes('admin') ? [...roles, 'admin'] : roles
}
