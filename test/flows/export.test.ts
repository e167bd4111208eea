import { randomUUID } from 'node:crypto'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import t from 'tap'
import { ExportSchema } from '../../src/users/export.ts'
import { slow } from '../slow.ts'
import { signedIn } from './signed-in.ts'

/** Tables that hold nothing about a person that the export does not say in another place, and why. */
const LEFT_OUT_TABLES: Record<string, string> = {
  authorization_codes: 'of one minute, gone in a day: a hash, and which client a session went to',
  device_grants: 'of ten minutes: a hash, and which client a session went to',
  link_codes: 'of one minute, and they name no user: who signed in is sealed',
  spent_states: 'hashes only',
  deletion_requests: 'names no user: a code that the user got from the provider, and what was deleted',
  unlinked_identities: 'a hash of each identity that the user unlinked; activity says when',
  revocations: 'of an hour: which session ended when, as sessions and activity say',
  dynamic_clients: 'what a client said of itself, not about a person',
  clients: "of an administrator's making, not about a person",
  signing_keys: "the server's own",
  webhook_endpoints: "of an administrator's making, not about a person",
  webhook_deliveries: 'of thirty days: events that were sent to endpoints; activity has them',
  logout_deliveries: 'until the client has been told: which session ended, as activity says'
}

/** Columns that do not leave, and why. */
const LEFT_OUT_COLUMNS: Record<string, string> = {
  'accounts.user_id': 'the document is about that user',
  'sessions.user_id': 'the document is about that user',
  'consents.user_id': 'the document is about that user',
  'consents.fingerprint': 'a hash of what the client says of itself',
  'accounts.sealed_tokens': "a secret: the provider's tokens",
  'accounts.sealed_refresh_token': "a secret: the provider's refresh token",
  'sessions.device_code_hash': 'a secret: the hash of a device code',
  'sessions.secret_hash': "a secret: the hash of the refresh tokens'",
  'sessions.page_secret_hash': "a secret: the hash of the cookie's",
  'sessions.dpop_jkt': "the hash of a key of the client's own",
  'sessions.counter': 'it would tell of an exchange of the refresh token at once (docs/security.md)',
  'sessions.rotated_at': 'the same; lastUsedAt says it two minutes later',
  'sessions.previously_used_at': 'the same; it is lastUsedAt for two minutes',
  'sessions.rotation_ip_address': 'the same, and where the other holder of a stolen token is',
  'sessions.rotation_user_agent': 'the same, and where the other holder of a stolen token is'
}

const SECTIONS: Record<string, string> = {
  users: 'user',
  accounts: 'accounts',
  sessions: 'sessions',
  consents: 'grants',
  audit_events: 'activity'
}

interface Column {
  table: string
  column: string
  type: string
}

const camelCase = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

t.test(
  'every column of the database that says something about a user is in the export, or left out for a reason',
  async (t) => {
    const { login, call, sql } = await signedIn(t)
    const { access_token: token, user } = await login()
    const { rows: columns } = await sql.query<Column>(`
      SELECT table_name AS table, column_name AS column, data_type AS type
      FROM information_schema.columns
      WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'
      ORDER BY table_name, ordinal_position`)
    for (const table of new Set(columns.map(({ table }) => table))) {
      t.ok(table in SECTIONS || LEFT_OUT_TABLES[table], `${table} is exported, or left out for a reason`)
    }
    const known = new Set(columns.flatMap(({ table, column }) => [table, `${table}.${column}`]))
    for (const name of [...Object.keys(LEFT_OUT_TABLES), ...Object.keys(LEFT_OUT_COLUMNS)]) {
      t.ok(known.has(name), `${name} is still there to be left out`)
    }

    /** A value that is in no other column. */
    function canary ({ table, column, type }: Column, index: number): unknown {
      const name = `canary-${table}-${column}`
      if (['user_id', 'actor_id'].includes(column) || (table === 'users' && column === 'id')) return user.id
      if (column === 'disabled_at') return null
      switch (type) {
        case 'text':
          return name
        case 'uuid':
          return randomUUID()
        case 'ARRAY':
          return [name]
        case 'jsonb':
          return { [name]: index }
        case 'boolean':
          return true
        case 'integer':
          return 1_000_000 + index
        case 'bytea':
          return Buffer.from(name)
        case 'timestamp with time zone':
          return new Date(Date.UTC(2001, 0, 1 + index)).toISOString()
        default:
          throw new Error(`${table}.${column} is of type ${type}: give it a canary`)
      }
    }
    const sown = columns
      .filter(({ table }) => table in SECTIONS)
      .map((column, index) => ({ ...column, value: canary(column, index) }))
    const ids: Record<string, unknown> = {}
    for (const table of Object.keys(SECTIONS)) {
      const own = sown.filter((column) => column.table === table)
      const names = own.map(({ column }) => column)
      const values = own.map(({ value, type }) => (type === 'jsonb' ? JSON.stringify(value) : value))
      ids[table] = own.find(({ column }) => column === 'id')?.value
      await sql.query(
        table === 'users'
          ? `UPDATE users SET (${names.join()}) = ROW (${names.map((_, index) => `$${index + 1}`).join()})`
          : `INSERT INTO ${table} (${names.join()}) VALUES (${names.map((_, index) => `$${index + 1}`).join()})`,
        values
      )
    }

    const { status, body, headers } = await call('GET', '/me/export', token)
    t.equal(status, 200)
    t.equal(headers.get('content-disposition'), 'attachment; filename="signet-export.json"')
    t.match(headers.get('content-type'), /^application\/json/)
    t.equal(headers.get('cache-control'), 'no-store')
    for (const { table, column, value } of sown) {
      const name = `${table}.${column}`
      const section = body[SECTIONS[table] ?? '']
      const item =
        table === 'users'
          ? { ...section, preferences: body.preferences }
          : section.find(({ id }: { id: string }) => id === ids[table])
      // What is shown of the session's use, which ends thirty days later unless it is used.
      const shown = name === 'sessions.idle_expires_at' ? item.expiresAt : value
      if (!(name in LEFT_OUT_COLUMNS)) t.strictSame(item?.[camelCase(column)], shown, name)
    }
    const text = JSON.stringify(body)
    for (const name of ['canary-accounts-sealed_tokens', 'canary-sessions-secret_hash']) {
      for (const encoding of ['utf8', 'hex', 'base64'] as const) {
        t.notMatch(text, Buffer.from(name).toString(encoding).replace(/=+$/, ''), name)
      }
    }
    const ajv = new Ajv({ strict: false, allErrors: true })
    addFormats.default(ajv)
    t.ok(ajv.validate(ExportSchema, body), ajv.errorsText())
  }
)

slow.test("with ended sessions and events; without other users' data and administrators' addresses", async (t) => {
  const { url, login, call, sql } = await signedIn(t)
  const { access_token: token, user } = await login()
  const { access_token: other, user: otherUser } = await login('acme')
  await call('PUT', '/me/preferences', token, { body: { theme: 'dark' } })
  await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${(await login()).access_token}` } })
  await sql.query(
    `INSERT INTO audit_events (id, type, user_id, actor_id, client_id, ip_address, user_agent) VALUES
    (gen_random_uuid(), 'client.created', NULL, $1, 'made', '192.0.2.1', 'mine'),
    (gen_random_uuid(), 'user.roles_changed', $2, $1, NULL, '192.0.2.1', 'mine')`,
    [user.id, otherUser.id]
  )

  const { body } = await call('GET', '/me/export', token)
  t.match(body, { user: { id: user.id, email: 'octocat@github.com' }, preferences: { theme: 'dark' } })
  t.same(body.user.editedFields, [])
  t.match(body.accounts, [{ provider: 'github', issuer: /^https?:/, subject: '1', username: 'octocat' }])
  t.match(body.sessions, [
    { revokedAt: /^2/, revocationReason: 'logout' },
    { revokedAt: null, ipAddress: '127.0.0.1' }
  ])
  t.same(body.activity.map(({ type }: { type: string }) => type).sort(), [
    'client.created',
    'login.succeeded',
    'login.succeeded',
    'session.revoked',
    'user.created',
    'user.roles_changed',
    'user.updated'
  ])
  t.ok(
    body.activity.every(({ ipAddress }: { ipAddress: string }) => ipAddress),
    'events of their own are complete'
  )
  t.notMatch(JSON.stringify(body), 'jane')
  t.ok(Date.now() - Date.parse(body.exportedAt) < 60_000)

  const theirs = (await call('GET', '/me/export', other)).body
  t.match(
    theirs.activity.find(({ type }: { type: string }) => type === 'user.roles_changed'),
    { actorId: user.id, ipAddress: null, userAgent: null, requestId: null }
  )
  t.notMatch(JSON.stringify(theirs), /octocat|192\.0\.2\.1|client\.created/)
})

t.test('five exports an hour, of a session that is alive', async (t) => {
  const { login, call, sql } = await signedIn(t, { RATE_LIMITS: 'on' })
  const { access_token: token } = await login()
  const statuses = []
  for (let index = 0; index < 6; index++) statuses.push((await call('GET', '/me/export', token)).status)
  t.same(statuses, [...Array(5).fill(200), 429])
  await sql.query('UPDATE sessions SET revoked_at = now()')
  t.equal((await call('GET', '/me/export', token)).status, 401)
})
