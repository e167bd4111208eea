import { randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import type { Profile } from '../../src/providers/provider.ts'
import { createSignInRepository, type SignedIn, type SignInPolicy } from '../../src/sign-in/repository.ts'
import { createProviderTokens } from '../../src/accounts/provider-tokens.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createDatabase } from '../database.ts'

// One database for all: everybody in it is somebody else.
let sql: pg.Pool
const vault = createProviderTokens(createSealer([{ id: 'k', key: randomBytes(32) }], 'provider-tokens'))

t.before(async () => {
  const { url, drop } = await createDatabase()
  sql = new pg.Pool({ connectionString: url, max: 4 })
  t.teardown(async () => {
    await sql.end()
    await drop()
  })
})

const open = () => createSignInRepository({ pool: sql }, vault)
const caller = { ipAddress: '192.0.2.1', userAgent: 'curl', requestId: 'r', clientId: null }
const POLICY: SignInPolicy = { autoLink: 'verified', adminEmails: [], maxSessionsPerUser: undefined }
const session = (more = {}) => ({ clientId: 'c', scope: 'openid', secretHash: randomBytes(32), idleSeconds: 100, maximumSeconds: 1000, ...more })
const mayCreate = async () => ({ roles: ['member'] })

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
  } as Profile
}

interface More { policy?: Partial<SignInPolicy>, of?: ReturnType<typeof session>, tokens?: object }

async function signIn (profile: Profile, { policy = {}, of = session(), tokens }: More = {}) {
  const signedIn = await open().signIn({ profile, ...tokens ? { tokens } : {} } as never, of, { ...POLICY, ...policy }, caller, mayCreate)
  return signedIn as SignedIn
}

const events = async ({ user }: SignedIn) =>
  (await sql.query('SELECT type, details FROM audit_events WHERE user_id = $1 ORDER BY created_at, id', [user.id])).rows.map(({ type, details: { sessionId, ...details } }) => ({ type, ...details }))
const row = async (table: string, id: string) => (await sql.query(`SELECT * FROM ${table} WHERE id = $1`, [id])).rows[0]

t.test('a state is spent once', async (t) => {
  const hash = randomBytes(32)
  t.equal(await open().spendState(hash, new Date()), true)
  t.equal(await open().spendState(hash, new Date()), false)
})

t.test('who is new becomes a user with an account and a session', async (t) => {
  const profile = person()
  const of = session({ code: { hash: randomBytes(32), redirectUri: 'https://app', codeChallenge: 'cc', nonce: 'n', lifetimeSeconds: 60 } })
  const signedIn = await signIn(profile, { of })
  const { user, sessionId, authenticatedAt } = signedIn
  const { email } = profile
  t.match(user, { email, name: 'Name', avatarUrl: 'https://x/1', locale: 'en', roles: ['member'], preferences: {} })
  t.match(user.accounts, [{ provider: 'acme', subject: profile.subject, username: 'octo', email, emailVerified: true }])
  const opened = await row('sessions', sessionId)
  t.match(opened, { user_id: user.id, client_id: 'c', provider: 'acme', scope: 'openid', ip_address: '192.0.2.1', user_agent: 'curl', authenticated_at: authenticatedAt })
  t.same(opened.secret_hash, of.secretHash)
  const at = (column: string) => Math.round((opened[column].getTime() - authenticatedAt.getTime()) / 1000)
  t.same([at('idle_expires_at'), at('expires_at')], [100, 1000])
  const { rows: [code] } = await sql.query('SELECT * FROM authorization_codes WHERE session_id = $1', [sessionId])
  t.match(code, { client_id: 'c', redirect_uri: 'https://app', code_challenge: 'cc', nonce: 'n' })
  t.same(code.hash, (of as { code?: { hash: Buffer } }).code?.hash)
  t.equal(Math.round((code.expires_at - authenticatedAt.getTime()) / 1000), 60)
  t.same(await events(signedIn), [{ type: 'user.created', roles: ['member'] }, { type: 'login.succeeded' }])
  const { rows: [told] } = await sql.query("SELECT * FROM audit_events WHERE user_id = $1 AND type = 'login.succeeded'", [user.id])
  t.match(told, { actor_id: user.id, client_id: 'c', provider: 'acme', ip_address: '192.0.2.1', user_agent: 'curl', request_id: 'r', details: { sessionId } })
})

t.test('who comes again is the same user, asked about once, and what changed at the provider is taken over and told', async (t) => {
  const profile = person()
  const first = await signIn(profile)
  const again = await open().signIn({ profile }, session(), POLICY, caller, async () => { throw new Error('asked again') }) as SignedIn
  t.equal(again.user.id, first.user.id)
  t.equal(again.user.accounts.length, 1)
  t.equal(again.user.accounts[0]?.id, first.user.accounts[0]?.id)
  t.not(again.sessionId, first.sessionId)
  t.equal((await sql.query('SELECT 1 FROM authorization_codes WHERE session_id = $1', [again.sessionId])).rowCount, 0)
  t.same((await events(again)).slice(2), [{ type: 'login.succeeded' }])
  const changed = await signIn({ ...profile, name: 'New', email: `new-${profile.email}`, locale: null })
  t.match(changed.user, { name: 'New', email: `new-${profile.email}`, locale: 'en', roles: ['member'] })
  t.same((await events(changed)).slice(3), [{ type: 'user.updated', fields: ['email', 'name'] }, { type: 'login.succeeded' }])
  t.match(await row('users', first.user.id), { name: 'New', email: `new-${profile.email}` })
})

t.test('the same subject at another issuer or provider is somebody else', async (t) => {
  const profile = person({ emailVerified: false })
  const ids = []
  for (const more of [{}, { issuer: 'https://other' }, { provider: 'other' }, { subject: randomUUID() }]) ids.push((await signIn({ ...profile, ...more })).user.id)
  t.equal(new Set(ids).size, 4)
  t.equal((await row('users', ids[0] ?? '')).email, null, 'an unverified address is nobody\'s')
})

t.test('a verified address joins the user who holds it, where that is wanted', async (t) => {
  const profile = person()
  const first = await signIn(profile)
  const other = { ...profile, provider: 'beta', subject: randomUUID() }
  const joined = await signIn(other)
  t.equal(joined.user.id, first.user.id)
  t.same(joined.user.accounts.map(({ provider }) => provider), ['acme', 'beta'], 'the oldest first')
  t.ok(joined.user.accounts.every(({ createdAt, lastLoginAt }) => typeof createdAt === 'string' && typeof lastLoginAt === 'string'))
  t.same((await events(joined)).slice(2), [{ type: 'account.linked', accountId: joined.user.accounts[1]?.id }, { type: 'login.succeeded' }])
  const apart = await signIn({ ...profile, provider: 'gamma', subject: randomUUID() }, { policy: { autoLink: 'never' } })
  t.not(apart.user.id, first.user.id)
  t.equal(apart.user.email, null)
  const unverified = await signIn({ ...profile, provider: 'delta', subject: randomUUID(), emailVerified: false })
  t.not(unverified.user.id, first.user.id)
})

t.test('an address that another user holds stays theirs', async (t) => {
  const [one, other] = [person(), person()]
  await signIn(one)
  const before = await signIn(other)
  const after = await signIn({ ...other, email: one.email })
  t.equal(after.user.id, before.user.id)
  t.equal(after.user.email, other.email)
})

t.test('nobody disabled comes in, by their account or by their address', async (t) => {
  const profile = person()
  const { user } = await signIn(profile)
  await sql.query('UPDATE users SET disabled_at = now() WHERE id = $1', [user.id])
  t.same(await signIn(profile), { refused: user.id })
  t.same(await signIn({ ...profile, provider: 'beta', subject: randomUUID() }), { refused: user.id })
  t.equal((await sql.query('SELECT 1 FROM sessions WHERE user_id = $1', [user.id])).rowCount, 1)
})

t.test('whom the hook does not let in is not written down', async (t) => {
  const profile = person()
  await t.rejects(open().signIn({ profile }, session(), POLICY, caller, async () => { throw new Error('no') }), { message: 'no' })
  t.equal((await sql.query('SELECT 1 FROM users WHERE email = $1', [profile.email])).rowCount, 0)
})

t.test('an administrator is whoever holds such an address, verified', async (t) => {
  const profile = person()
  const policy = { adminEmails: [profile.email as string] }
  t.same((await signIn({ ...profile, emailVerified: false, subject: randomUUID() }, { policy })).user.roles, ['member'])
  const first = await signIn(profile)
  t.same(first.user.roles, ['member'])
  const made = await signIn(profile, { policy })
  t.same(made.user.roles, ['member', 'admin'])
  t.same((await events(made)).slice(2), [{ type: 'user.roles_changed', roles: ['member', 'admin'] }, { type: 'login.succeeded' }])
  t.same((await signIn(profile, { policy })).user.roles, ['member', 'admin'], 'once')
  t.same((await signIn(profile)).user.roles, ['member', 'admin'], 'and takes it from nobody')
  const fresh = person()
  t.same((await signIn(fresh, { policy: { adminEmails: [fresh.email as string] } })).user.roles, ['member', 'admin'])
})

t.test('the provider\'s tokens are sealed for the account, and stay when a sign-in brings none', async (t) => {
  const profile = person()
  const tokens = { accessToken: 'a', refreshToken: 'r', expiresAt: undefined, scope: 'all' }
  const { user } = await signIn(profile, { tokens })
  const id = user.accounts[0]?.id ?? ''
  const kept = async () => vault.open(id, (await row('accounts', id)).sealed_tokens)
  t.match(await kept(), { accessToken: 'a', refreshToken: 'r' })
  await signIn(profile)
  t.match(await kept(), { accessToken: 'a', refreshToken: 'r' })
  await signIn(profile, { tokens: { ...tokens, accessToken: 'b', refreshToken: undefined } })
  t.match(await kept(), { accessToken: 'b', refreshToken: 'r' })
})

t.test('a name that is told once stays with the account', async (t) => {
  const profile = person()
  await signIn(profile)
  const { user } = await signIn({ ...profile, name: null })
  t.equal((await row('accounts', user.accounts[0]?.id ?? '')).name, 'Name')
  t.equal(user.accounts[0]?.name, 'Name')
})

t.test('the limit of sessions ends those used longest ago', async (t) => {
  const profile = person()
  const policy = { maxSessionsPerUser: 2 }
  const opened = []
  for (let index = 0; index < 3; index++) opened.push(await signIn(profile, { policy }))
  const ended = await Promise.all(opened.map(async ({ sessionId }) => (await row('sessions', sessionId)).revocation_reason))
  t.same(ended, ['too_many_sessions', null, null])
})

t.test('what changed between the read and the write is read again', async (t) => {
  const profile = person()
  const first = await signIn(profile)
  const pool = { ...sql, query: sql.query.bind(sql) } as unknown as pg.Pool
  let reads = 0
  const query = async (...args: Parameters<typeof sql.query>) => {
    const result = await (sql.query as (...all: unknown[]) => Promise<unknown>)(...args)
    if ((args[0] as { name?: string }).name === 'read-sign-in' && reads++ === 0) {
      await sql.query("UPDATE users SET name = 'Edited', edited_fields = '{name}', updated_at = updated_at + interval '1 second' WHERE id = $1", [first.user.id])
    }
    return result
  }
  const racing = createSignInRepository({ pool: Object.assign(pool, { query }) as never }, vault)
  const { user } = await racing.signIn({ profile: { ...profile, name: 'New' } }, session(), POLICY, caller, mayCreate) as SignedIn
  t.equal(reads, 2)
  t.equal(user.name, 'Edited')
})
