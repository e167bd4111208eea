import t, { type Test } from 'tap'
import { signedRequest, startFakeFacebook } from '../../fakes/facebook.ts'
import { sharing } from '../../helper.ts'
import { HOUR, inSeconds, twoInstances, type EventRequest } from './world.ts'

const LATER = 5 * HOUR

async function open (t: Test, environment: Record<string, string> = {}) {
  const facebook = await startFakeFacebook()
  t.teardown(() => facebook.close())
  const instances = await twoInstances(t, { ...facebook.settings, ...environment })
  return { ...instances, signIn: () => instances.signIn('facebook') }
}

const world = sharing(t, open)

/** As Facebook sends it, with `claims` in place of the right ones. */
function signed (
  path: 'deauthorize' | 'deletion', { claims, secret }: { claims?: Record<string, unknown>, secret?: string } = {}
): EventRequest {
  return raw(path, signedRequest(claims, secret))
}

function raw (path: 'deauthorize' | 'deletion', signedRequest: string): EventRequest {
  return {
    path: `/login/facebook/${path}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ signed_request: signedRequest }).toString()
  }
}

t.test('a deauthorization ends the sessions of that account, on both instances, and forgets its tokens', async (t) => {
  const { signIn, endsSessions, events, sql } = await world(t)
  const jane = await signIn()
  await endsSessions(t, jane, signed('deauthorize'), 200)
  t.match((await sql.query('SELECT sealed_tokens FROM accounts')).rows, [{ sealed_tokens: null }])
  t.match(await events(), [{
    userId: jane.user.id, provider: 'facebook', details: { event: 'deauthorize', outcome: 'sessions_ended' }
  }])
})

t.test('a deletion deletes, and the page at `url` says so', async (t) => {
  const { signIn, endsSessions, sql, url, events } = await world(t)
  const jane = await signIn()
  const answer = (await endsSessions(t, jane, signed('deletion'), 200)).json()
  t.match(Object.keys(answer).sort(), ['confirmation_code', 'url'])
  t.match(answer.confirmation_code, /^[0-9a-f]{32}$/)
  t.ok(answer.url.startsWith(`${url}/`))
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 0)
  t.match(await events(), [{ userId: null, details: { event: 'deletion', outcome: 'user_deleted' } }])

  const json = await fetch(answer.url)
  t.match(await json.json(), { status: 'deleted', requestedAt: /^20/ })
  const page = await fetch(answer.url, { headers: { accept: 'text/html' } })
  t.match([page.status, page.headers.get('content-type')], [200, 'text/html; charset=utf-8'])
  t.match(await page.text(), /What this service stored about you from that account was deleted/)

  await t.test('another code is not found', async (t) => {
    const other = answer.url.replace(/.$/, (last: string) => (last === '0' ? '1' : '0'))
    t.match(await (await fetch(other)).json(), { status: 404, code: 'not_found' })
    t.match(await (await fetch(`${answer.url}0`)).json(), { status: 400, code: 'validation_failed' })
    t.match(await (await fetch(other, { headers: { accept: 'text/html' } })).text(), /There is no deletion with this/)
  })
  await t.test('the record is purged after a year', async (t) => {
    const { rows } = await sql.query('SELECT expires_at - created_at AS kept FROM deletion_requests')
    t.same(rows[0].kept.days, 365)
  })
})

t.test('a deletion about a person who is not known here is confirmed too', async (t) => {
  const { send, events } = await world(t)
  const answer = await send(signed('deletion', { claims: { user_id: '1' } }))
  t.equal(answer.status, 200)
  t.match(await (await fetch(answer.json().url)).json(), { status: 'nothing_stored' })
  t.match(await events(), [{ userId: null, details: { outcome: 'unknown_account' } }])
})

t.test('with PROVIDER_DELETIONS=keep a deletion ends sessions only, and the page says so', async (t) => {
  const { signIn, endsSessions, sql } = await world(t, { PROVIDER_DELETIONS: 'keep' })
  const answer = (await endsSessions(t, await signIn(), signed('deletion'), 200)).json()
  t.equal((await sql.query('SELECT 1 FROM accounts')).rowCount, 1)
  t.match(await (await fetch(answer.url)).json(), { status: 'signed_out' })
  t.match(await (await fetch(answer.url, { headers: { accept: 'text/html' } })).text(), /You were signed out/)
})

for (const path of ['deauthorize', 'deletion'] as const) {
  t.test(`${path}: what does not verify changes nothing`, async (t) => {
    const { signIn, refuses, send, me } = await world(t)
    const jane = await signIn()
    const [signature, payload] = new URLSearchParams(signed(path).body).get('signed_request')?.split('.') as string[]
    for (const [name, request, detail] of [
      ['the secret of another app', signed(path, { secret: 'the-secret-of-another-app' }), /signature/],
      ['another payload', raw(path, `${signature}.${Buffer.from('{}').toString('base64url')}`), /signature/],
      ['no signature', raw(path, `.${payload}`), /signature/],
      ['a third part', raw(path, `${signature}.${payload}.x`), /signature/],
      ['nothing', raw(path, ''), /signature/],
      ['no form', { ...signed(path), body: '' }, /signature/],
      ['another algorithm', signed(path, { claims: { algorithm: 'none' } }), /algorithm/],
      ['an old one', signed(path, { claims: { issued_at: inSeconds(-25 * HOUR) } }), /too old/],
      ['one of tomorrow', signed(path, { claims: { issued_at: inSeconds(LATER) } }), /too old/],
      ['no time', signed(path, { claims: { issued_at: undefined } }), /too old/],
      ['no person', signed(path, { claims: { user_id: undefined } }), /user_id/],
      ['the cookie of the JavaScript SDK', signed(path, { claims: { code: 'AQB', expires: undefined } }), /sign-in/]
    ] as [string, EventRequest, RegExp][]) {
      await t.test(name, async (t) => { await refuses(t, request, detail) })
    }
    await t.test('another content type', async (t) => {
      t.equal((await send({ ...signed(path), headers: { 'content-type': 'application/json' } })).status, 415)
    })
    t.same(await me(jane.token), [200, 200])
  })

  t.test(`${path}: a repeated one is a success without effect, also on both instances at once`, async (t) => {
    const { signIn, sendTenTimes, me, events, sql } = await world(t)
    await signIn()
    const request = signed(path)
    const first = await sendTenTimes(t, request, 200)
    t.equal((await events()).length, 1)
    const again = await signIn()
    t.equal((await sendTenTimes(t, request, 200))?.text, first?.text)
    t.same(await me(again.token), [200, 200])
    t.equal((await sql.query('SELECT 1 FROM deletion_requests')).rowCount, path === 'deletion' ? 1 : 0)
  })
}

t.test('a copy of a deauthorization deletes nobody twice, and one is not the other', async (t) => {
  const { signIn, send, sql } = await world(t)
  await signIn()
  const request = signed('deauthorize')
  await send(request)
  // Facebook sends both, of one second, when a person removes the app and asks for the deletion.
  t.equal((await send({ ...request, path: '/login/facebook/deletion' })).status, 200)
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 0)
})
