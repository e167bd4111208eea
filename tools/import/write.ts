import { v7 as uuidv7 } from 'uuid'
import { toIdentityText, type AccountIdentity } from '../../src/accounts/identity.ts'
import type { NewEvent } from '../../src/audit/events.ts'
import { addToOutbox } from '../../src/audit/outbox.ts'
import { retryingConflicts } from '../../src/database/conflicts.ts'
import type { Database } from '../../src/database/database.ts'
import type { Transaction } from '../../src/database/transaction.ts'
import { stableId } from './ids.ts'
import type { Person } from './person.ts'
import {
  emailsOf, identitiesOf, planPerson, unlinkedKey, type Facts, type ImportOptions, type NewAccount, type NewUser,
  type PersonPlan
} from './plan.ts'

const TRANSACTION_MS = 60_000

/**
 * Plans and writes the people of a batch in one transaction, and returns what became of each. Reads again when a
 * sign-in wrote the same identity or address meanwhile.
 */
export async function importBatch (
  { prisma }: Pick<Database, 'prisma'>, people: Person[], options: ImportOptions
): Promise<PersonPlan[]> {
  return await retryingConflicts(async () => {
    const facts = await readFacts(prisma, people, options)
    const plans = people.map((person) => planPerson(person, facts, options))
    await write(prisma, plans, options)
    return plans
  })
}

/** The same without writing. `facts` are those of the batches before: what they would have written is in them. */
export async function planBatch (
  { prisma }: Pick<Database, 'prisma'>, people: Person[], options: ImportOptions, facts: Facts
): Promise<PersonPlan[]> {
  const found = await readFacts(prisma, people, options)
  for (const [identity, userId] of found.owners) facts.owners.set(identity, userId)
  for (const [email, userId] of found.emailOwners) facts.emailOwners.set(email, userId)
  for (const id of found.userIds) facts.userIds.add(id)
  for (const key of found.unlinked) facts.unlinked.add(key)
  return people.map((person) => planPerson(person, facts, options))
}

export function noFacts (): Facts {
  return { owners: new Map(), emailOwners: new Map(), userIds: new Set(), unlinked: new Set() }
}

// Raw statements with one parameter a column: typed, the same took several times the CPU.

async function readFacts (
  prisma: Database['prisma'], people: Person[], options: ImportOptions
): Promise<Facts> {
  const identities = people.flatMap((person) => identitiesOf(person, options))
  const ids = people.map(({ id, createdAt }) => stableId(createdAt, 'user', options.from, id))
  const accounts = await prisma.$queryRaw<(AccountIdentity & { userId: string })[]>`
    SELECT provider, issuer, subject, user_id AS "userId" FROM accounts JOIN unnest(
      ${identities.map(({ provider }) => provider)}::text[], ${identities.map(({ issuer }) => issuer)}::text[],
      ${identities.map(({ subject }) => subject)}::text[]
    ) AS wanted (provider, issuer, subject) USING (provider, issuer, subject)`
  const users = await prisma.$queryRaw<{ id: string, email: string | null }[]>`
    SELECT id, email FROM users WHERE id = ANY(${ids}::uuid[])
    UNION SELECT id, email FROM users WHERE email = ANY(${people.flatMap(emailsOf)}::text[])`
  const unlinked = await prisma.$queryRaw<{ userId: string, identityHash: Uint8Array }[]>`
    SELECT user_id AS "userId", identity_hash AS "identityHash" FROM unlinked_identities
    WHERE user_id = ANY(${ids}::uuid[])`
  return {
    owners: new Map(accounts.map((account) => [toIdentityText(account), account.userId])),
    emailOwners: new Map(users.flatMap(({ id, email }) => email === null ? [] : [[email, id]])),
    userIds: new Set(users.map(({ id }) => id)),
    unlinked: new Set(unlinked.map(({ userId, identityHash }) => unlinkedKey(userId, identityHash)))
  }
}

async function write (prisma: Database['prisma'], plans: PersonPlan[], { from }: ImportOptions): Promise<void> {
  const users = plans.flatMap(({ user }) => user ? [user] : [])
  const accounts = plans.flatMap((plan) => plan.accounts)
  if (users.length === 0 && accounts.length === 0) return
  const details = { by: 'import', from }
  const created = users.map(({ id: userId, roles }): NewEvent =>
    ({ type: 'user.created', userId, details: { ...details, ...roles.length > 0 ? { roles } : {} } }))
  const linked = plans.filter(({ outcome }) => outcome === 'extend').flatMap((plan) => plan.accounts)
    .map(({ id: accountId, userId, provider }): NewEvent =>
      ({ type: 'account.linked', userId, provider, details: { ...details, accountId } }))
  await prisma.$transaction(async (tx) => {
    await insertUsers(tx, users)
    await insertAccounts(tx, accounts)
    await insertEvents(tx, [...created, ...linked])
  }, { timeout: TRANSACTION_MS, maxWait: TRANSACTION_MS })
}

async function insertUsers (tx: Transaction, users: NewUser[]): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO users (id, email, name, avatar_url, roles, metadata, disabled_at, created_at, updated_at, last_login_at)
    SELECT id, email, name, "avatarUrl", roles, metadata, "disabledAt", "createdAt", "updatedAt", "lastLoginAt"
    FROM jsonb_to_recordset(${JSON.stringify(users)}::jsonb) AS u (
      id uuid, email text, name text, "avatarUrl" text, roles text[], metadata jsonb, "disabledAt" timestamptz,
      "createdAt" timestamptz, "updatedAt" timestamptz, "lastLoginAt" timestamptz
    )`
}

async function insertAccounts (tx: Transaction, accounts: NewAccount[]): Promise<void> {
  await tx.$executeRaw`
    INSERT INTO accounts (id, user_id, provider, issuer, subject, username, email, email_verified, name, avatar_url,
      scope, created_at, last_login_at)
    SELECT id, "userId", provider, issuer, subject, username, email, "emailVerified", name, "avatarUrl", scope,
      "createdAt", "lastLoginAt"
    FROM jsonb_to_recordset(${JSON.stringify(accounts)}::jsonb) AS a (
      id uuid, "userId" uuid, provider text, issuer text, subject text, username text, email text,
      "emailVerified" boolean, name text, "avatarUrl" text, scope text, "createdAt" timestamptz,
      "lastLoginAt" timestamptz
    )`
}

/** As `recordEvents` does, in one statement. These revoke no access token: nobody has one yet. */
async function insertEvents (tx: Transaction, events: NewEvent[]): Promise<void> {
  const rows = events.map((event) => ({ id: uuidv7(), ...event }))
  await tx.$executeRaw`
    INSERT INTO audit_events (id, type, user_id, provider, details)
    SELECT id, type, "userId", provider, details FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS e (
      id uuid, type text, "userId" uuid, provider text, details jsonb
    )`
  await addToOutbox(tx, events)
}
