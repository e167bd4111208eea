import { v7 as uuidv7 } from 'uuid'
import type { AuditEventType } from '../audit/audit-event.ts'
import type { Caller } from '../http/caller.ts'
import { eventsAsJson, type NewEvent } from '../audit/events.ts'
import { Conflict, retryingConflicts } from '../database/conflicts.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Database } from '../database/database.ts'
import type { Identified, Profile, TokenSet } from '../providers/provider.ts'
import { toUser, type User } from '../users/user.ts'
import { keepTokens, type ProviderTokens } from '../accounts/provider-tokens.ts'
import type { CreationHook } from './creation-hook.ts'
import { decideSignIn, followProvider } from './link-account.ts'
import { LOCK_USER, READ, WRITE, WRITE_WITHIN_LIMIT } from './statements.ts'

export interface NewSession {
  clientId: string
  scope: string
  secretHash: Buffer
  idleSeconds: number
  maximumSeconds: number
  /** For a client that will exchange it for the session's tokens. */
  code?: { hash: Buffer, redirectUri: string, codeChallenge: string, nonce: string | null, lifetimeSeconds: number }
}

export interface SignInPolicy {
  autoLink: 'verified' | 'never'
  adminEmails: string[]
  /** When a login opens one more, those used longest ago end. */
  maxSessionsPerUser?: number | undefined
}

export interface Refused { refused: string }

export interface SignedIn { user: User, sessionId: string, authenticatedAt: Date }

export interface SignInRepository {
  /** Marks a state as used. False when it was used before: of many that try at once, one gets true. */
  spendState: (hash: Buffer, expiresAt: Date) => Promise<boolean>
  /**
   * Finds or creates the user, updates the account, opens a session: all or nothing. Refuses a user who is disabled, and says who. A user is
   * created only if `mayCreate` does not throw; it is asked outside of any transaction, before anything is written.
   */
  signIn: (who: SigningIn, session: NewSession, policy: SignInPolicy, caller: Caller, mayCreate: CreationHook) => Promise<SignedIn | Refused>
}

/** A native sign-in brings no tokens of the provider. */
export type SigningIn = Pick<Identified, 'profile'> & Partial<Identified>

export function createSignInRepository ({ pool }: Pick<Database, 'pool'>, vault: ProviderTokens): SignInRepository {
  async function read ({ provider, issuer, subject, email, emailVerified }: Profile): Promise<Known> {
    const values = [provider, issuer, subject, emailVerified ? email : null]
    const users = (await pool.query<{ known: KnownUser }>({ name: 'read-sign-in', text: READ, values })).rows.map(({ known }) => known)
    const isIdentity = (account: KnownAccount) => account.provider === provider && account.issuer === issuer && account.subject === subject
    const owner = users.find(({ accounts }) => accounts.some(isIdentity))
    const account = owner?.accounts.find(isIdentity)
    return { owner: owner && account ? { user: owner, account } : undefined, holder: emailVerified ? users.find((user) => user.email === email) : undefined }
  }

  async function write (outcome: keyof typeof WRITE, userId: string, values: unknown[], maxSessions: number | undefined): Promise<Written | undefined> {
    if (maxSessions === undefined) return (await pool.query<{ written: Written }>({ name: outcome, text: WRITE[outcome], values })).rows[0]?.written
    return await inTransaction(pool, async (transaction) => {
      await transaction.query({ name: 'lock-user', text: LOCK_USER, values: [userId] })
      const limited = { name: `${outcome}-within-limit`, text: WRITE_WITHIN_LIMIT[outcome], values: [...values, maxSessions] }
      return (await transaction.query<{ written: Written }>(limited)).rows[0]?.written
    })
  }

  /** Reads, decides, and writes only if what it read is still so; else it begins again. */
  async function signIn (
    { profile, tokens }: SigningIn, session: NewSession, policy: SignInPolicy, caller: Caller, mayCreate: CreationHook
  ): Promise<SignedIn | Refused> {
    const { owner, holder } = await read(profile)
    const decision = decideSignIn({
      profile,
      account: owner ? { userId: owner.user.id, userDisabled: owner.user.isDisabled } : null,
      holder: holder ? { userId: holder.id, disabled: holder.isDisabled } : null,
      autoLink: policy.autoLink
    })
    if (decision.outcome === 'refuse') return { refused: decision.userId }

    const known = owner?.user ?? (decision.outcome === 'join' ? holder : undefined)
    const user = known
      ? updated(known, owner?.account, holder, profile, policy)
      : created(decision.outcome === 'create' ? decision.email : null, profile, policy, await mayCreate(profile))
    const account = { ...profile, id: owner?.account.id ?? uuidv7(), userId: user.userId }
    const sealedTokens = sealed(vault, account.id, tokens, owner?.account.sealedTokens ?? null)
    const sessionId = uuidv7()
    const values = [
      JSON.stringify({ ...user, seenAt: known?.updatedAt }),
      JSON.stringify({ ...account, sealedTokens }),
      JSON.stringify(sessionRow(sessionId, session, caller)),
      eventsAsJson(eventsOf(decision.outcome, known, user, { account, session, sessionId }), caller)
    ]
    const written = await write(decision.outcome, user.userId, values, policy.maxSessionsPerUser)
    if (!written) throw new Conflict('The user has changed meanwhile.')

    const { createdAt, updatedAt, authenticatedAt } = written
    const current = { ...account, name: written.accountName, createdAt: written.accountCreatedAt, lastLoginAt: authenticatedAt }
    const others = known?.accounts.filter(({ id }) => id !== account.id) ?? []
    const order = ({ createdAt, id }: { createdAt: string, id: string }) => createdAt + id
    const accounts = [...others, current].sort((one, other) => order(one) < order(other) ? -1 : 1)
    const preferences = known?.preferences ?? {}
    return {
      user: toUser({ ...user, id: user.userId, preferences, accounts, createdAt, updatedAt, lastLoginAt: authenticatedAt }),
      sessionId,
      authenticatedAt: new Date(authenticatedAt)
    }
  }

  return {
    async spendState (hash, expiresAt) {
      const text = 'INSERT INTO spent_states (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING'
      return (await pool.query({ name: 'spend-state', text, values: [hash, expiresAt] })).rowCount === 1
    },

    async signIn (who, session, policy, caller, mayCreate) {
      let answer: ReturnType<CreationHook> | undefined
      const askedOnce: CreationHook = (profile) => (answer ??= mayCreate(profile))
      return await retryingConflicts(() => signIn(who, session, policy, caller, askedOnce))
    }
  }
}

/** What the read brings of a user; times are text, as they are answered. */
interface KnownUser extends Fields {
  id: string
  editedFields: string[]
  preferences: User['preferences']
  isDisabled: boolean
  updatedAt: string
  accounts: KnownAccount[]
}

type KnownAccount = Profile & { id: string, sealedTokens: string | null, createdAt: string, lastLoginAt: string }

interface Known { owner: { user: KnownUser, account: KnownAccount } | undefined, holder: KnownUser | undefined }

interface Written { createdAt: string, updatedAt: string, accountName: string | null, accountCreatedAt: string, authenticatedAt: string }

interface Fields { email: string | null, name: string | null, avatarUrl: string | null, locale: string | null, roles: string[] }

type WrittenUser = Fields & { userId: string }

function created (email: string | null, { name, avatarUrl, locale }: Profile, policy: SignInPolicy, { roles }: { roles: string[] }): WrittenUser {
  return { userId: uuidv7(), email, name, avatarUrl, locale, roles: rolesOf(email, roles, policy) }
}

function updated (user: KnownUser, account: KnownAccount | undefined, holder: KnownUser | undefined, profile: Profile, policy: SignInPolicy): WrittenUser {
  const followed = followProvider(user, account ?? null, profile)
  // Another user holds the address that the provider now names: this user keeps the one they have.
  if (holder && holder.id !== user.id) followed.email = user.email
  return { userId: user.id, ...followed, roles: rolesOf(followed.email, user.roles, policy) }
}

function sessionRow (id: string, { clientId, scope, secretHash, idleSeconds, maximumSeconds, code }: NewSession, { ipAddress, userAgent }: Caller) {
  return {
    id,
    clientId,
    scope,
    secretHash: secretHash.toString('hex'),
    ipAddress,
    userAgent,
    idleSeconds,
    maximumSeconds,
    codeHash: code?.hash.toString('hex'),
    redirectUri: code?.redirectUri,
    codeChallenge: code?.codeChallenge,
    nonce: code?.nonce,
    codeSeconds: code?.lifetimeSeconds
  }
}

const FOLLOWED = ['email', 'name', 'avatarUrl', 'locale'] as const

/** In the order in which they happened: somebody came to be, or changed, and then signed in. */
function eventsOf (
  outcome: 'create' | 'join' | 'sign-in', before: KnownUser | undefined, user: WrittenUser,
  { account, session, sessionId }: { account: { id: string, provider: string }, session: NewSession, sessionId: string }
): NewEvent[] {
  const event = (type: AuditEventType, details = {}): NewEvent => ({
    type, userId: user.userId, actorId: user.userId, clientId: session.clientId, provider: account.provider, details: { sessionId, ...details }
  })
  const fields = FOLLOWED.filter((field) => before && before[field] !== user[field])
  return [
    ...outcome === 'create' ? [event('user.created', user.roles.length > 0 ? { roles: user.roles } : {})] : [],
    ...outcome === 'join' ? [event('account.linked', { accountId: account.id })] : [],
    ...fields.length > 0 ? [event('user.updated', { fields })] : [],
    ...before && before.roles.length !== user.roles.length ? [event('user.roles_changed', { roles: user.roles })] : [],
    event('login.succeeded')
  ]
}

/** The provider's tokens for the account's row; undefined, so that what is there stays, when this sign-in brought none. */
function sealed (vault: ProviderTokens, accountId: string, tokens: TokenSet | undefined, before: string | null): string | undefined {
  return tokens && vault.seal(accountId, keepTokens(tokens, tokens.refreshToken === undefined ? vault.open(accountId, before) : undefined))
}

/** ADMIN_EMAILS makes an administrator of whoever holds such an address, verified. It takes the role from nobody. */
function rolesOf (email: string | null, roles: string[], { adminEmails }: SignInPolicy): string[] {
  return email !== null && adminEmails.includes(email) && !roles.includes('admin') ? [...roles, 'admin'] : roles
}
