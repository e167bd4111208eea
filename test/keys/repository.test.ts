import Fastify from 'fastify'
import pg from 'pg'
import t from 'tap'
import { createKeyRepository, type KeyChanges } from '../../src/keys/repository.ts'
import { keyRoutes } from '../../src/keys/routes.ts'
import { createDatabase, type Database } from '../../src/database/database.ts'
import { createDatabase as createTestDatabase } from '../database.ts'

let sql: pg.Pool
let database: Database

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

const key = (kid: string, status: string) =>
  ({ kid, alg: 'ES256', status, publicJwk: { kid }, sealedPrivateKey: `sealed ${kid}` })
const none: KeyChanges = { retire: [], activate: undefined, create: [], remove: [] }
const by = { actorId: null, caller: { requestId: 'r' }, details: { by: 'schedule' } }
const open = () => createKeyRepository(database)
const change = (more: Partial<KeyChanges>) => open().change(() => ({ ...none, ...more }), by)
const events = async () => (await sql.query(
  'SELECT type, request_id AS "requestId", details FROM audit_events ORDER BY created_at, id')).rows

t.test('a plan is written with its times, and each retired key with an audit event', async (t) => {
  await change({ create: [key('a', 'current'), key('b', 'next')] })
  const [a, b] = await open().list()
  t.match(a, {
    kid: 'a',
    alg: 'ES256',
    status: 'current',
    publicJwk: { kid: 'a' },
    sealedPrivateKey: 'sealed a',
    createdAt: Date,
    activatedAt: Date,
    retiredAt: null
  })
  t.match(b, { kid: 'b', status: 'next', activatedAt: null, retiredAt: null })
  t.same(await events(), [], 'a first key is no rotation')

  await sql.query("UPDATE signing_keys SET created_at = created_at - interval '1 hour' WHERE kid = 'b'")
  await open().change((keys) => {
    t.same(keys.map(({ kid }) => kid), ['b', 'a'], 'oldest first, as in the list')
    return { ...none, retire: ['a'], activate: 'b', create: [key('c', 'next')] }
  }, by)
  const rotated = await open().list()
  t.same(rotated.map(({ kid, status }) => `${kid} ${status}`), ['b current', 'a retired', 'c next'])
  t.match(rotated, [
    { activatedAt: Date, retiredAt: null },
    { retiredAt: Date },
    { activatedAt: null, retiredAt: null }
  ])
  t.same(await events(), [
    { type: 'key.rotated', requestId: 'r', details: { by: 'schedule', retired: 'a', current: 'b' } }
  ])

  await change({ retire: ['b'], create: [key('e', 'next'), key('d', 'current')], remove: ['a', 'c'] })
  const replaced = await open().list()
  t.same(replaced.map(({ kid, status }) => `${kid} ${status}`).sort(), ['b retired', 'd current', 'e next'])
  t.same((await events())[1]?.details, { by: 'schedule', retired: 'b', current: 'd' }, 'replaced by a new key')
  await change({ retire: ['d'] })
  t.same((await events())[2]?.details, { by: 'schedule', retired: 'd' }, 'not replaced')
})

t.test('the JWK Set has public members only and may be cached for five minutes (SEC-52)', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const published = { kid: 'a', alg: 'ES256', use: 'sig' as const, kty: 'EC', crv: 'P-256', x: 'x', y: 'y' }
  await app.register(keyRoutes, { keys: { publicKeys: () => [{ ...published, d: 'the private half' }] } })
  const response = await app.inject('/.well-known/jwks.json')
  t.same(response.json(), { keys: [published] })
  t.equal(response.headers['cache-control'], 'public, max-age=300')
})
