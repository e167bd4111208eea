import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import t, { type Test } from 'tap'
import { createProviderTokens } from '../../src/accounts/provider-tokens.ts'
import { createDatabase, type Database } from '../../src/database/database.ts'
import type { Profile, TokenSet } from '../../src/providers/provider.ts'
import type { NewSession, SignedIn } from '../../src/sign-in/new-session.ts'
import { createSignInRepository, type SignInRepository } from '../../src/sign-in/repository.ts'
import { createSignIn, type SignInOptions } from '../../src/sign-in/sign-in.ts'
import { createUserRepository } from '../../src/users/repository.ts'
import type { User } from '../../src/users/user.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createDatabase as createTestDatabase } from '../database.ts'

// One database for all tests: every person in it is another one.
let sql: pg.Pool
let database: Database
const providerTokens = createProviderTokens(createSealer([{ id: 'k', key: randomBytes(32) }], 'provider-tokens'))

t.before(async () => {
  const { url, giveBack } = await createTestDatabase()
  sql = new pg.Pool({ connectionString: url, max: 4 })
  sql.on('error', () => {})
  database = createDatabase(sql)
  t.teardown(async () => {
    await database.prisma.$disconnect()
    await sql.end()
    await giveBack()
  })
})

const caller = { ipAddress: '192.0.2.1', userAgent: 'curl', requestId: 'r', clientId: null }
const POLICY: SignInOptions['policy'] = {
  autoLink: 'verified', adminEmails: [], signUps: 'open', allowedEmailDomains: [], maxSessionsPerUser: undefined
}
const mayCreate = async () => ({ roles: ['member'] })

function newSession (more: Partial<NewSession> = {}): NewSession {
  return {
    clientId: 'c',
    scope: 'openid',
    secretHash: randomBytes(32),
    idleSeconds: 100,
    maximumSeconds: 1000,
    ...more
  }
}

function person (more: Partial<Profile> = {}): Profile {
  const id = randomUUID()
  return {
    provider: 'acme',
    issuer: 'https://acme',
    subject: id,
    username: 'octo',
    email: `${id}@x.example`,
    emailVerified: true,
    name: 'Name',
    avatarUrl: 'https://x/1',
    locale: 'en',
    scope: 'all',
    ...more
  }
}

const tokenSet = (more: Partial<TokenSet> = {}): TokenSet => ({
  accessToken: 'a',
  refreshToken: 'r',
  idToken: undefined,
  expiresAt: undefined,
  scope: 'all',
  answer: {},
  ...more
})

type Row = Record<string, any>
const row = async (table: string, id: string): Promise<Row> =>
  (await sql.query(`SELECT * FROM ${table} WHERE id = $1`, [id])).rows[0]

async function events (userId: string): Promise<Row[]> {
  const { rows } = await sql.query(
    'SELECT type, details FROM audit_events WHERE user_id = $1 ORDER BY created_at, id',
    [userId]
  )
  return rows.map(({ type, details: { sessionId, ...details } }) => ({ type, ...details }))
}

interface More {
  policy?: Partial<SignInOptions['policy']>
  session?: NewSession
  tokens?: TokenSet
  authenticatedAt?: Date | undefined
  mayCreate?: typeof mayCreate
}
/** `user` is as the repository reads it afterwards, `returned` what the sign-in itself had read. */
type SignInPerson = (profile: Profile, more?: More) => Promise<SignedIn & { user: User, returned?: User | undefined }>

/**
 * Every test runs as the service does, and without the statement for known persons: that one is an optimisation only.
 */
function test (name: string, body: (t: Test, signIn: SignInPerson) => Promise<void>): void {
  const repositories: Record<string, () => SignInRepository> = {
    'as the service does': () => createSignInRepository(database),
    'by the typed path alone': () => ({ ...createSignInRepository(database), signInKnownPerson: async () => undefined })
  }
  for (const [way, open] of Object.entries(repositories)) t.test(`${name}, ${way}`, (t) => body(t, signInBy(open())))
}

function signInBy (repository: SignInRepository): SignInPerson {
  const users = createUserRepository(database)
  return async (profile, more = {}) => {
    const signIn = createSignIn({
      repository,
      providerTokens,
      policy: { ...POLICY, ...more.policy },
      mayCreate: more.mayCreate ?? mayCreate
    })
    const signedIn = await signIn(
      { profile, authenticatedAt: more.authenticatedAt, ...(more.tokens ? { tokens: more.tokens } : {}) },
      more.session ?? newSession(),
      caller
    )
    return { ...signedIn, user: (await users.find(signedIn.userId)) as User, returned: signedIn.user }
  }
}

t.test('a state is spent once', async (t) => {
  const { spendState } = createSignInRepository(database)
  const hash = randomBytes(32)
  t.equal(await spendState(hash, new Date()), true)
  t.equal(await spendState(hash, new Date()), false)
})

test('a new person becomes a user with an account and a session', async (t, signIn) => {
  const profile = person()
  const code = {
    hash: randomBytes(32),
    redirectUri: 'https://app',
    codeChallenge: 'cc',
    nonce: 'n',
    lifetimeSeconds: 60
  }
  const session = newSession({ code })
  const { user, sessionId, authenticatedAt } = await signIn(profile, { session })
  const { email } = profile
  t.match(user, { email, name: 'Name', avatarUrl: 'https://x/1', locale: 'en', roles: ['member'] })
  t.same(user.preferences, {})
  t.equal(user.accounts.length, 1)
  t.match(user.accounts[0], {
    provider: 'acme',
    subject: profile.subject,
    username: 'octo',
    email,
    emailVerified: true
  })
  const opened = await row('sessions', sessionId)
  t.match(opened, {
    user_id: user.id,
    client_id: 'c',
    provider: 'acme',
    scope: 'openid',
    ip_address: '192.0.2.1',
    user_agent: 'curl',
    authenticated_at: authenticatedAt
  })
  t.same(opened['secret_hash'], session.secretHash)
  const secondsUntil = (at: Date) => Math.round((at.getTime() - authenticatedAt.getTime()) / 1000)
  t.same([opened['idle_expires_at'], opened['expires_at']].map(secondsUntil), [100, 1000])
  const { rows: [stored] } = await sql.query('SELECT * FROM authorization_codes WHERE session_id = $1', [sessionId])
  t.match(stored, { client_id: 'c', redirect_uri: 'https://app', code_challenge: 'cc', nonce: 'n' })
  t.same(stored.hash, code.hash)
  t.equal(secondsUntil(stored.expires_at), 60)
  t.same(await events(user.id), [{ type: 'user.created', roles: ['member'] }, { type: 'login.succeeded' }])
  const {
    rows: [event]
  } = await sql.query("SELECT * FROM audit_events WHERE user_id = $1 AND type = 'login.succeeded'", [user.id])
  t.match(event, {
    actor_id: user.id,
    client_id: 'c',
    provider: 'acme',
    ip_address: '192.0.2.1',
    user_agent: 'curl',
    request_id: 'r',
    details: { sessionId }
  })
})

test('a person who comes again is the same user, without asking the hook', async (t, signIn) => {
  const profile = person()
  const first = await signIn(profile)
  const code = {
    hash: randomBytes(32),
    redirectUri: 'https://app',
    codeChallenge: 'cc',
    nonce: null,
    lifetimeSeconds: 60
  }
  const again = await signIn(profile, {
    session: newSession({ idleSeconds: 5000, code }),
    mayCreate: async () => {
      throw new Error('asked again')
    }
  })
  t.equal(again.user.id, first.user.id)
  t.same(
    again.user.accounts.map(({ id }) => id),
    first.user.accounts.map(({ id }) => id)
  )
  t.not(again.sessionId, first.sessionId)
  t.equal(again.user.updatedAt, first.user.updatedAt, 'nothing of the user changed')
  t.ok((again.user.lastLoginAt ?? '') > (first.user.lastLoginAt ?? ''))
  const opened = await row('sessions', again.sessionId)
  t.match(opened, { client_id: 'c', provider: 'acme', scope: 'openid', authenticated_at: again.authenticatedAt })
  const secondsUntil = (at: Date) => Math.round((at.getTime() - again.authenticatedAt.getTime()) / 1000)
  t.same(
    [opened['idle_expires_at'], opened['expires_at']].map(secondsUntil),
    [1000, 1000],
    'idle time ends with the session'
  )
  const { rows } = await sql.query('SELECT * FROM authorization_codes WHERE session_id = $1', [again.sessionId])
  t.equal(rows.length, 1)
  t.match(rows[0], { client_id: 'c', redirect_uri: 'https://app', code_challenge: 'cc', nonce: null })
  t.same((await events(again.userId)).slice(2), [{ type: 'login.succeeded' }])
  const {
    rows: [event]
  } = await sql.query('SELECT * FROM audit_events WHERE user_id = $1 ORDER BY created_at DESC, id DESC', [again.userId])
  t.match(event, { actor_id: again.userId, client_id: 'c', provider: 'acme', details: { sessionId: again.sessionId } })
  const without = await signIn(profile)
  t.equal((await sql.query('SELECT 1 FROM authorization_codes WHERE session_id = $1', [without.sessionId])).rowCount, 0)
})

test('auth_time is when the person signed in at the provider, and never later than now', async (t, signIn) => {
  const profile = person()
  const anHourAgo = new Date(Math.floor(Date.now() / 1000 - 3600) * 1000)
  for (const visit of ['first', 'second']) {
    const { sessionId, authenticatedAt } = await signIn(profile, { authenticatedAt: anHourAgo })
    t.same(authenticatedAt, anHourAgo, visit)
    t.same((await row('sessions', sessionId))['authenticated_at'], anHourAgo)
  }
  for (const later of [undefined, new Date(Date.now() + 3600_000)]) {
    const { sessionId, authenticatedAt } = await signIn(profile, { authenticatedAt: later })
    t.ok(Math.abs(authenticatedAt.getTime() - Date.now()) < 60_000)
    t.same((await row('sessions', sessionId))['authenticated_at'], authenticatedAt)
  }
})

test('what changed at the provider is taken over', async (t, signIn) => {
  const profile = person()
  const first = await signIn(profile)
  const changed = await signIn({ ...profile, name: 'New', email: `new-${profile.email}`, locale: null })
  t.match(changed.user, { name: 'New', email: `new-${profile.email}`, locale: 'en', roles: ['member'] })
  t.ok(changed.user.updatedAt > first.user.updatedAt)
  t.same((await events(changed.userId)).slice(2), [
    { type: 'user.updated', fields: ['email', 'name'] },
    { type: 'login.succeeded' }
  ])
})

const DIFFERENCES: Partial<Profile>[] = [
  { username: 'other' },
  { username: null },
  { email: 'other@x.example' },
  { emailVerified: false },
  { name: 'Other' },
  { avatarUrl: 'https://x/2' },
  { avatarUrl: null },
  { locale: 'de' },
  { locale: null },
  { scope: 'more' }
]

test('each difference of the profile is written to the account', async (t, signIn) => {
  for (const difference of DIFFERENCES) {
    const profile = person()
    await signIn(profile)
    const { user } = await signIn({ ...profile, ...difference })
    const account = await row('accounts', user.accounts[0]?.id ?? '')
    const stored = {
      username: account['username'],
      email: account['email'],
      emailVerified: account['email_verified'],
      name: account['name'],
      avatarUrl: account['avatar_url'],
      locale: account['locale'],
      scope: account['scope']
    }
    const { provider, issuer, subject, ...expected } = { ...profile, ...difference }
    t.same(stored, expected, JSON.stringify(difference))
  }
})

test('a field that is empty is filled by the next sign-in', async (t, signIn) => {
  const profile = person()
  const { user } = await signIn(profile)
  await sql.query('UPDATE users SET email = NULL, name = NULL, avatar_url = NULL, locale = NULL WHERE id = $1', [
    user.id
  ])
  const { email, name, avatarUrl, locale } = profile
  t.match((await signIn(profile)).user, { email, name, avatarUrl, locale })
})

test('the same subject at another issuer or provider is another person', async (t, signIn) => {
  const profile = person({ emailVerified: false })
  const ids: string[] = []
  for (const more of [{}, { issuer: 'https://other' }, { provider: 'other' }, { subject: randomUUID() }]) {
    ids.push((await signIn({ ...profile, ...more })).user.id)
  }
  t.equal(new Set(ids).size, 4)
  t.equal((await row('users', ids[0] ?? ''))['email'], null, 'an unverified address stays on the account')
})

test('a verified address links to the user who has it, where the settings allow that', async (t, signIn) => {
  const profile = person()
  const first = await signIn(profile)
  const linked = await signIn({ ...profile, provider: 'beta', subject: randomUUID() })
  t.equal(linked.user.id, first.user.id)
  t.same(
    linked.user.accounts.map(({ provider }) => provider),
    ['acme', 'beta'],
    'the oldest first'
  )
  const accountId = linked.user.accounts[1]?.id
  t.same((await events(linked.userId)).slice(2), [{ type: 'account.linked', accountId }, { type: 'login.succeeded' }])
  const apart = await signIn(
    { ...profile, provider: 'gamma', subject: randomUUID() },
    { policy: { autoLink: 'never' } }
  )
  t.not(apart.user.id, first.user.id)
  t.equal(apart.user.email, null)
  const unverified = await signIn({ ...profile, provider: 'delta', subject: randomUUID(), emailVerified: false })
  t.not(unverified.user.id, first.user.id)
})

test('an address that another user has stays theirs', async (t, signIn) => {
  const [one, other] = [person(), person()]
  await signIn(one)
  const before = await signIn(other)
  const after = await signIn({ ...other, email: one.email })
  t.equal(after.user.id, before.user.id)
  t.equal(after.user.email, other.email)
})

test('a disabled user is refused, by their account and by their address', async (t, signIn) => {
  const profile = person()
  const { user } = await signIn(profile)
  await sql.query('UPDATE users SET disabled_at = now() WHERE id = $1', [user.id])
  const refused = { code: 'account_disabled', userId: user.id }
  await t.rejects(signIn(profile), refused)
  await t.rejects(signIn({ ...profile, provider: 'beta', subject: randomUUID() }), refused)
  t.equal((await sql.query('SELECT 1 FROM sessions WHERE user_id = $1', [user.id])).rowCount, 1)
})

test('a person whom the hook refuses leaves no row', async (t, signIn) => {
  const profile = person()
  await t.rejects(
    signIn(profile, {
      mayCreate: async () => {
        throw new Error('no')
      }
    }),
    { message: 'no' }
  )
  t.equal((await sql.query('SELECT 1 FROM accounts WHERE subject = $1', [profile.subject])).rowCount, 0)
  t.equal((await sql.query('SELECT 1 FROM users WHERE email = $1', [profile.email])).rowCount, 0)
})

test('an address of ADMIN_EMAILS, verified, makes an administrator', async (t, signIn) => {
  const profile = person()
  const policy = { adminEmails: [profile.email as string] }
  const unverified = { ...profile, emailVerified: false, subject: randomUUID() }
  t.same((await signIn(unverified, { policy })).user.roles, ['member'])
  t.same((await signIn(profile)).user.roles, ['member'])
  const made = await signIn(profile, { policy })
  t.same(made.user.roles, ['member', 'admin'])
  t.same((await events(made.userId)).slice(2), [
    { type: 'user.roles_changed', roles: ['member', 'admin'] },
    { type: 'login.succeeded' }
  ])
  t.same((await signIn(profile, { policy })).user.roles, ['member', 'admin'], 'once')
  t.same((await signIn(profile)).user.roles, ['member', 'admin'], 'and takes the role from no user')
  const fresh = person()
  t.same((await signIn(fresh, { policy: { adminEmails: [fresh.email as string] } })).user.roles, ['member', 'admin'])
})

test("the provider's tokens stay when a sign-in brings none", async (t, signIn) => {
  const profile = person()
  const { user } = await signIn(profile, { tokens: tokenSet() })
  const id = user.accounts[0]?.id ?? ''
  async function stored () {
    const {
      provider,
      issuer,
      subject,
      sealed_tokens: sealedTokens,
      sealed_refresh_token: sealedRefreshToken
    } = (await row('accounts', id)) as any
    return providerTokens.open({ id, provider, issuer, subject, sealedTokens, sealedRefreshToken })
  }
  t.match(await stored(), { accessToken: 'a', refreshToken: 'r' })
  await signIn(profile)
  t.match(await stored(), { accessToken: 'a', refreshToken: 'r' })
  await signIn(profile, { tokens: tokenSet({ accessToken: 'b', refreshToken: undefined }) })
  t.match(await stored(), { accessToken: 'b', refreshToken: 'r' })
  await signIn({ ...profile, name: 'New' }, { tokens: tokenSet({ accessToken: 'c', refreshToken: undefined }) })
  t.match(await stored(), { accessToken: 'c', refreshToken: 'r' })
})

test('a name that the provider says only once stays on the account', async (t, signIn) => {
  const profile = person()
  await signIn(profile)
  const { user } = await signIn({ ...profile, name: null })
  t.equal(user.accounts[0]?.name, 'Name')
  const changed = await signIn({ ...profile, name: null, username: 'new' })
  t.equal(changed.user.accounts[0]?.name, 'Name')
})

test('a session limit ends the sessions used longest ago', async (t, signIn) => {
  const profile = person()
  const policy = { maxSessionsPerUser: 2 }
  const opened: SignedIn[] = []
  for (let index = 0; index < 3; index++) opened.push(await signIn(profile, { policy }))
  const reasons = await Promise.all(
    opened.map(async ({ sessionId }) => (await row('sessions', sessionId))['revocation_reason'])
  )
  t.same(reasons, ['too_many_sessions', null, null])
})

/** Signs in, with `change` committed by somebody else after the sign-in's first read. Returns the number of reads. */
async function signInBeside (change: string, userId: string, profile: Profile, more?: More) {
  const repository = createSignInRepository(database)
  let reads = 0
  const signIn = signInBy({
    ...repository,
    async find (found) {
      const result = await repository.find(found)
      if (reads++ === 0) await sql.query(change, [userId])
      return result
    }
  })
  const { user } = await signIn(profile, more)
  return { user, reads }
}

const EDITED = `UPDATE users SET name = 'Edited', avatar_url = 'https://x/mine', edited_fields = '{name,avatarUrl}',
  updated_at = updated_at + interval '1 second' WHERE id = $1`

t.test('a user who changes between the read and the write is read again', async (t) => {
  const profile = person()
  const { userId } = await signInBy(createSignInRepository(database))(profile)
  const { user, reads } = await signInBeside(EDITED, userId, { ...profile, name: 'New' })
  t.equal(reads, 2)
  t.equal(user.name, 'Edited')
})

t.test('an edit beside the sign-in that joins another account is not lost', async (t) => {
  const profile = person({ name: null, avatarUrl: null })
  const { userId } = await signInBy(createSignInRepository(database))(profile)
  const other = person({ provider: 'other', issuer: 'https://other', email: profile.email, name: 'Theirs' })
  const { user, reads } = await signInBeside(EDITED, userId, other)
  t.equal(reads, 2)
  t.match(user, { id: userId, name: 'Edited', avatarUrl: 'https://x/mine', locale: 'en' })
  t.equal(user.accounts.length, 2)
})

t.test('roles that an administrator sets beside a sign-in are not lost', async (t) => {
  const profile = person()
  const { userId } = await signInBy(createSignInRepository(database))(profile)
  const setsRoles = `UPDATE users SET roles = '{editor}', edited_fields = '{roles}',
    updated_at = updated_at + interval '1 second' WHERE id = $1`
  const policy = { adminEmails: [profile.email as string] }
  const { user, reads } = await signInBeside(setsRoles, userId, { ...profile, name: 'New' }, { policy })
  t.equal(reads, 2)
  t.same(user.roles, ['editor'])
})

t.test('a user who is disabled beside a sign-in that joins an account is not signed in', async (t) => {
  const profile = person()
  const { userId } = await signInBy(createSignInRepository(database))(profile)
  const other = person({ provider: 'other', issuer: 'https://other', email: profile.email })
  const disables = 'UPDATE users SET disabled_at = now() WHERE id = $1'
  await t.rejects(signInBeside(disables, userId, other), { code: 'account_disabled' })
  const { rows } = await sql.query('SELECT provider FROM accounts WHERE user_id = $1', [userId])
  t.same(rows, [{ provider: profile.provider }])
})

t.test('a known person with nothing new is signed in by one statement, and by that alone', async (t) => {
  const profile = person()
  const repository = createSignInRepository(database)
  await signInBy(repository)(profile)
  let finds = 0
  const signIn = signInBy({
    ...repository,
    find: async (known) => {
      finds++
      return await repository.find(known)
    }
  })
  await signIn(profile)
  t.equal(finds, 0)
  await signIn({ ...profile, username: 'new' })
  t.equal(finds, 1)
})

t.test('a known person with two accounts comes with the user as the sign-in leaves it', async (t) => {
  const profile = person()
  const signIn = signInBy(createSignInRepository(database))
  const first = await signIn(profile)
  t.equal((await signIn({ ...profile, provider: 'other', issuer: 'https://other' })).userId, first.userId)
  const { user, returned } = await signIn(profile)
  t.equal(user.accounts.length, 2)
  t.strictSame(returned, user)
  t.not(user.lastLoginAt, first.user.lastLoginAt)
})
