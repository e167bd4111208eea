import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { recordEvents, type NewEvent } from '../../src/audit/events.ts'
import { race, readJson, sharing } from '../helper.ts'
import { slow } from '../slow.ts'
import { basic, setupWithClients, WEB } from './setup-with-clients.ts'

const AS_WEB = basic(WEB.client_secret)
const EVERYTHING_KEPT_FOR = 900 + 5 * 60

interface List {
  items: { sessionId?: string, userId?: string, revokedAt?: string, notBefore?: string }[]
  nextCursor: string
  keepSeconds: number
}

async function open (t: Test, environment: Record<string, string> = {}) {
  const front = await setupWithClients(t, environment)
  const { app, url, sql } = front
  const { prisma } = app.database
  const ask = async (since?: string, headers: Record<string, string> = {}, at = url) =>
    await fetch(`${at}/revocations${since === undefined ? '' : `?since=${since}`}`, {
      headers: { ...AS_WEB, ...headers }
    })
  async function list (since?: string, at = url): Promise<List> {
    const response = await ask(since, {}, at)
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    return await readJson(response)
  }
  const signedIn = async () => {
    const tokens = await front.signIn()
    const { sid, sub } = decodeJwt(tokens.access_token)
    return {
      ...(tokens as { access_token: string, refresh_token: string }),
      sessionId: sid as string,
      userId: sub as string
    }
  }
  const bearer = ({ access_token: token }: { access_token: string }) => ({ authorization: `Bearer ${token}` })
  const logout = async (tokens: { access_token: string }, at = url) =>
    (await fetch(`${at}/logout`, { method: 'POST', headers: bearer(tokens) })).status
  /**
   * Until the next cursor is past all that has been revoked: no cursor passes a transaction that is still open, and the
   * tests that run beside this one have theirs, in databases of their own but in one PostgreSQL.
   */
  async function settled () {
    const open = () =>
      sql.query(
        'SELECT 1 FROM revocations WHERE transaction_id >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint'
      )
    while ((await open()).rowCount !== 0) await sleep(5)
  }
  const record = (...events: NewEvent[]) => prisma.$transaction((tx) => recordEvents(tx, events, {}))
  return { ...front, prisma, ask, list, settled, signedIn, bearer, logout, record }
}

const world = sharing(t, open)

const sessionIds = (items: { sessionId?: string }[]) => items.map(({ sessionId }) => sessionId)

t.test('a confidential client alone may ask, and the refusal is a problem with a challenge', async (t) => {
  const { url } = await world(t)
  const wrong: [string, Record<string, string>][] = [
    ['nobody', {}],
    ['a wrong secret', basic('wrong')],
    ['an unknown client', basic('x', 'nobody')],
    ['a public client', basic('', 'spa')],
    ['a bearer', { authorization: 'Bearer x' }],
    ['rubbish', { authorization: 'Basic x' }],
    ['a NUL', basic('x', 'a%00b')]
  ]
  for (const [name, headers] of wrong) {
    const refused = await fetch(`${url}/revocations`, { headers })
    t.equal(refused.status, 401, name)
    t.equal(refused.headers.get('www-authenticate'), 'Basic realm="signet"', name)
    t.match(refused.headers.get('content-type'), /^application\/problem\+json/, name)
    t.match(await readJson(refused), { code: 'invalid_client', detail: /./ }, name)
  }
  for (const query of [
    'since=',
    'since=yesterday',
    'since=-1',
    `since=${'9'.repeat(19)}`,
    'since=1&since=2',
    'limit=1'
  ]) {
    const refused = await fetch(`${url}/revocations?${query}`, { headers: AS_WEB })
    t.match([refused.status, (await readJson(refused)).code], [400, 'validation_failed'], query)
  }
})

t.test('whatever ends a session lists it once, and a cursor goes on from there', async (t) => {
  const { list, settled, signedIn, logout, post, refresh, authorize, exchange, sql } = await world(t)
  t.same(await list(), { items: [], nextCursor: '0', keepSeconds: EVERYTHING_KEPT_FOR })
  const one = await signedIn()
  t.same((await list()).items, [], 'a login cuts nothing off')
  const before = Date.now()
  t.equal(await logout(one), 204)
  await settled()
  const first = await list()
  t.same(sessionIds(first.items), [one.sessionId])
  t.same(Object.keys(first.items[0] ?? {}), ['sessionId', 'revokedAt'])
  const revokedAt = Date.parse(first.items[0]?.revokedAt ?? '')
  t.ok(revokedAt >= before && revokedAt <= Date.now(), `${first.items[0]?.revokedAt}`)
  t.equal(await logout(one), 204)
  t.same((await list(first.nextCursor)).items, [], 'it was listed, and it ends only once')

  const revoked = await signedIn()
  await post('/oauth2/revoke', { token: revoked.refresh_token })
  const stolen = await signedIn()
  await refresh((await refresh(stolen.refresh_token)).body.refresh_token)
  await refresh(stolen.refresh_token)
  const { code, codeVerifier } = await authorize()
  const replayed = decodeJwt((await exchange(code, codeVerifier)).body.access_token)['sid']
  await exchange(code, codeVerifier)
  const rest = await list(first.nextCursor)
  t.same(sessionIds(rest.items), [revoked.sessionId, stolen.sessionId, replayed])
  t.equal((await list()).items.length, 4, 'without a cursor: all')
  const { rows: lifetimes } = await sql.query(`
    SELECT DISTINCT round(extract(epoch FROM expires_at - revoked_at)) = 65 * 60 AS "untilTheLongestTokenEnds"
    FROM revocations`)
  t.same(lifetimes, [{ untilTheLongestTokenEnds: true }], 'a row outlives the longest lifetime of an access token')

  await sql.query("UPDATE revocations SET revoked_at = revoked_at - $2 * interval '1 second' WHERE session_id = $1", [
    one.sessionId,
    EVERYTHING_KEPT_FOR - 60
  ])
  t.equal((await list()).items.length, 4)
  await sql.query("UPDATE revocations SET revoked_at = revoked_at - interval '60 seconds' WHERE session_id = $1", [
    one.sessionId
  ])
  t.same(sessionIds((await list()).items), [revoked.sessionId, stolen.sessionId, replayed], 'its tokens are over')
})

t.test(
  'users who were disabled or got other roles are listed, with a time that their new tokens are past',
  async (t) => {
    const { list, signedIn, record } = await world(t)
    const { userId } = await signedIn()
    const before = Date.now()
    await record({ type: 'user.roles_changed', userId, details: { roles: [] } }, { type: 'user.disabled', userId })
    await record(
      { type: 'user.enabled', userId },
      { type: 'user.updated', userId },
      { type: 'login.succeeded', userId, details: { sessionId: userId } }
    )
    const after = Date.now()
    const { items } = await list()
    t.equal(items.length, 2)
    for (const item of items) {
      t.same(Object.keys(item), ['userId', 'notBefore'])
      t.equal(item.userId, userId)
      const notBefore = Date.parse(item.notBefore ?? '')
      t.equal(notBefore % 1000, 0, 'a whole second, as `iat` is')
      t.ok(notBefore - before >= 1000 && notBefore - after <= 4000, `${item.notBefore}`)
    }
  }
)

t.test('a login that makes an administrator does not cut its own tokens off', async (t) => {
  const { list, signedIn, sql } = await world(t, { ADMIN_EMAILS: 'octocat@github.com' })
  await signedIn()
  t.match(
    (await sql.query("SELECT details FROM audit_events WHERE type = 'user.created'")).rows,
    [{ details: { roles: ['admin'] } }],
    'and the audit trail says who began as one'
  )
  await sql.query("UPDATE users SET roles = '{}'")
  t.same(decodeJwt((await signedIn()).access_token)['roles'], ['admin'])
  t.equal((await sql.query("SELECT 1 FROM audit_events WHERE type = 'user.roles_changed'")).rowCount, 1)
  t.same((await list()).items, [])
})

t.test('the sessions of a deleted user are listed, and nothing names the user', async (t) => {
  const { url, sql, list, settled, signedIn, bearer, record, logout } = await world(t)
  const [one, other, ended] = [await signedIn(), await signedIn(), await signedIn()]
  await logout(ended)
  await record({ type: 'user.roles_changed', userId: one.userId })
  await settled()
  const { nextCursor } = await list()
  t.equal((await fetch(`${url}/me`, { method: 'DELETE', headers: bearer(one) })).status, 204)
  t.same(sessionIds((await list(nextCursor)).items).sort(), [one.sessionId, other.sessionId].sort())
  t.same(sessionIds((await list()).items).sort(), [one.sessionId, other.sessionId, ended.sessionId].sort())
  t.equal((await sql.query('SELECT 1 FROM revocations r WHERE strpos(r::text, $1) > 0', [one.userId])).rowCount, 0)
})

t.test('an unchanged list is 304, also while other transactions write', async (t) => {
  const { ask, list, settled, signedIn, logout } = await world(t)
  const [one, ended] = [await signedIn(), await signedIn()]
  await logout(ended)
  await settled()
  for (const since of [undefined, (await list()).nextCursor]) {
    const first = await ask(since)
    const etag = first.headers.get('etag') ?? ''
    t.equal(first.headers.get('cache-control'), 'private, max-age=1')
    await signedIn()
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await ask(since, { 'if-none-match': known })
      t.match([again.status, again.headers.get('etag'), await again.text()], [304, etag, ''], known)
    }
    for (const known of ['"other"', etag.slice(0, -2)]) {
      t.equal((await ask(since, { 'if-none-match': known })).status, 200, known)
    }
    t.equal((await ask(since, { 'if-none-match': etag, ...basic('wrong') })).status, 401)
  }
  const etag = (await ask()).headers.get('etag') ?? ''
  await logout(one)
  t.equal((await ask(undefined, { 'if-none-match': etag })).status, 200)
})

t.test('a transaction that began before others and commits after them is not missed', async (t) => {
  const { prisma, sql, list, settled, signedIn, logout } = await world(t)
  const [slow, quick, quickest] = [await signedIn(), await signedIn(), await signedIn()]
  let commit: () => void = () => {}
  const mayCommit = new Promise<void>((resolve) => {
    commit = resolve
  })
  let written: () => void = () => {}
  const isWritten = new Promise<void>((resolve) => {
    written = resolve
  })
  const committed = prisma.$transaction(
    async (tx) => {
      await recordEvents(tx, [{ type: 'session.revoked', details: { sessionId: slow.sessionId } }], {})
      written()
      await mayCommit
    },
    { timeout: 30_000 }
  )
  await isWritten
  await logout(quick)
  // Long ago, so that no overlap of times would save it.
  await sql.query("UPDATE revocations SET revoked_at = revoked_at - interval '10 minutes'")
  let { items, nextCursor } = await list()
  t.same(sessionIds(items), [quick.sessionId])
  await logout(quickest)
  ;({ items, nextCursor } = await list(nextCursor))
  t.ok(sessionIds(items).includes(quickest.sessionId))
  t.notOk(sessionIds(items).includes(slow.sessionId))
  commit()
  await committed
  await settled()
  ;({ items, nextCursor } = await list(nextCursor))
  t.ok(sessionIds(items).includes(slow.sessionId), 'late, but listed')
  t.same((await list(nextCursor)).items, [], 'and nothing is listed for ever')
})

t.test('a transaction that is rolled back leaves nothing, and delays no reader', async (t) => {
  const { prisma, list, settled, signedIn, logout } = await world(t)
  const [one, other] = [await signedIn(), await signedIn()]
  await prisma
    .$transaction(
      async (tx) => {
        await recordEvents(tx, [{ type: 'session.revoked', details: { sessionId: other.sessionId } }], {})
        await logout(one)
        throw new Error('no')
      },
      { timeout: 30_000 }
    )
    .catch(() => {})
  await settled()
  const { items, nextCursor } = await list()
  t.same(sessionIds(items), [one.sessionId])
  t.same((await list(nextCursor)).items, [])
})

slow.test('logouts on two instances in a race with two pollers: each hears of all', async (t) => {
  const { url, another, list, signedIn, logout } = await world(t)
  const { address } = await another()
  const people: { access_token: string }[] = []
  for (let count = 0; count < 30; count++) people.push(await signedIn())
  let isOver = false
  const poll = async (at: string) => {
    const heard = new Set<string | undefined>()
    let cursor: string | undefined
    for (let isLast = false; !isLast; await sleep(1)) {
      isLast = isOver
      const { items, nextCursor } = await list(cursor, at)
      for (const { sessionId } of items) heard.add(sessionId)
      cursor = nextCursor
    }
    return heard.size
  }
  const pollers = [poll(url), poll(address)]
  await race(people.length, (index) => logout(people[index] as { access_token: string }, index % 2 ? url : address))
  isOver = true
  t.same(await Promise.all(pollers), [30, 30])
})

t.test('a cursor of another database, ahead of this one, counts as none', async (t) => {
  const { list, signedIn, logout } = await world(t)
  const one = await signedIn()
  await logout(one)
  t.same(sessionIds((await list('9'.repeat(18))).items), [one.sessionId])
})

slow.test('a client may poll ten times a second, and no more', async (t) => {
  const other = { ...WEB, client_id: 'other', client_secret: 'other-secret-of-32-characters-00' }
  const { ask } = await world(t, { RATE_LIMITS: 'on', CLIENTS: JSON.stringify([WEB, other]) })
  const statuses: number[] = []
  // Within the minute of the limit, however busy the machine is: thirty at a time.
  for (let round = 0; round < 20; round++) {
    statuses.push(...(await Promise.all(Array.from({ length: 30 }, async () => (await ask()).status))))
  }
  t.equal(statuses.length, 600)
  t.ok(statuses.every((status) => status === 200))
  const limited = await ask()
  t.match([limited.status, limited.headers.get('retry-after')], [429, /^[1-9]\d?$/])
  t.equal((await readJson(limited)).code, 'rate_limited')
  const ofAnother = await ask(undefined, basic(other.client_secret, other.client_id))
  t.equal(ofAnother.status, 200, 'another client has its own limit')
})

t.test('with the database away it is 503, and goes on afterwards', async (t) => {
  const { ask, database } = await world(t)
  await database.goAway()
  const away = await ask()
  t.match([away.status, (await readJson(away)).code], [503, 'service_unavailable'])
  await database.comeBack()
  t.equal((await ask()).status, 200)
})
