import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { race, readJson, setup, sharing } from '../../helper.ts'

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const TV = { client_id: 'tv', name: 'The television', redirect_uris: [] }

async function open (t: Test) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, { ...github.settings, CLIENTS: JSON.stringify([TV]) })
  const { url, origin, sql } = running
  const { address } = await running.another()

  async function post (path: string, form: Record<string, string>, at = url) {
    const response = await fetch(at + path, { method: 'POST', body: new URLSearchParams(form) })
    return { status: response.status, body: await readJson(response) }
  }
  const begin = async () => (await post('/oauth2/device_authorization', { client_id: 'tv' })).body
  const poll = (deviceCode: string, at = url) =>
    post('/oauth2/token', { grant_type: DEVICE_GRANT, device_code: deviceCode, client_id: 'tv' }, at)

  /** A person up to the confirmation. Each click is a request of its own, sent before the answer to another. */
  async function signIn (userCode: string) {
    const browser = createBrowser(url)
    await browser.post('/device', { form: { user_code: userCode }, headers: { origin } })
    await browser.login('/device/login/github')
    const cookie = browser.cookieHeader()
    return async (decision: 'approve' | 'deny', at = url) => {
      const response = await fetch(`${at}/device/confirm`, {
        method: 'POST', body: new URLSearchParams({ decision }), headers: { accept: 'text/html', origin, cookie }
      })
      return `${response.status} ${/<h1>(.*)<\/h1>/.exec(await response.text())?.[1] ?? ''}`
    }
  }
  const isActive = async (accessToken: string) =>
    (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status === 200
  const activeSessions = async () => (await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NULL')).rowCount
  return { ...running, address, begin, poll, signIn, isActive, activeSessions }
}

const world = sharing(t, open)

const YES = '200 The device is signed in'
const NO = '200 The device is not signed in'

t.test('wanted: a device signed out, by the second of two clicks', async (t) => {
  const { begin, poll, signIn, isActive, activeSessions, sql } = await world(t)
  const grant = await begin()
  const click = await signIn(grant.user_code)
  t.equal(await click('approve'), YES)
  t.equal(await click('approve'), YES, 'before the device has its tokens')
  const { status, body } = await poll(grant.device_code)
  t.equal(status, 200)
  t.equal(await click('approve'), YES, 'and after')
  t.equal(await isActive(body.access_token), true)
  t.equal(await activeSessions(), 1)
  t.equal((await poll(grant.device_code)).body.error, 'invalid_grant', 'the second click makes no second token')
  t.equal((await sql.query("SELECT 1 FROM audit_events WHERE type = 'session.revoked'")).rowCount, 0)
})

t.test('wanted: the same, by two clicks at once on two instances, while the device polls', async (t) => {
  const { url, address, begin, poll, signIn, isActive, activeSessions, sql } = await world(t)
  for (let round = 0; round < 5; round++) {
    const grant = await begin()
    const click = await signIn(grant.user_code)
    const answers = await race(12, async (index) => index % 3 === 0
      ? { answer: await click('approve', index % 2 ? url : address) }
      : await poll(grant.device_code, index % 2 ? url : address))
    for (const { answer } of answers.filter((one): one is { answer: string } => 'answer' in one)) t.equal(answer, YES)
    const polls = [...answers.flatMap((one) => 'body' in one ? [one] : []), await poll(grant.device_code)]
    const signedIn = polls.filter(({ status }) => status === 200)
    t.equal(signedIn.length, 1)
    t.equal(await isActive(signedIn[0]?.body.access_token), true)
    t.equal(await activeSessions(), 1)
    await sql.query('DELETE FROM sessions')
  }
})

t.test('a click on No after one on Yes takes it back; Yes after No does not', async (t) => {
  const { begin, poll, signIn, isActive, activeSessions } = await world(t)
  const early = await begin()
  let click = await signIn(early.user_code)
  t.same([await click('approve'), await click('deny'), await click('deny')], [YES, NO, NO])
  t.equal((await poll(early.device_code)).body.error, 'access_denied')
  t.equal(await click('approve'), '400 Please start again')
  t.equal((await poll(early.device_code)).body.access_token, undefined)

  const late = await begin()
  click = await signIn(late.user_code)
  t.equal(await click('approve'), YES)
  const { body } = await poll(late.device_code)
  t.equal(await click('deny'), NO, 'the device has its tokens by now: they end')
  t.equal(await isActive(body.access_token), false)
  t.equal(await activeSessions(), 0)
})

t.test('of Yes and No at once, No holds where it is answered last or first', async (t) => {
  const { url, address, begin, poll, signIn, activeSessions } = await world(t)
  for (let round = 0; round < 5; round++) {
    const grant = await begin()
    const click = await signIn(grant.user_code)
    const [no] = await Promise.all([click('deny', url), click('approve', address), click('approve', url)])
    t.equal(no, NO)
    t.equal((await poll(grant.device_code)).body.error, 'access_denied')
    t.equal(await activeSessions(), 0)
  }
})

t.test('the click of another person is over, and ends their session alone', async (t) => {
  const { begin, poll, signIn, activeSessions } = await world(t)
  const grant = await begin()
  const [one, other] = [await signIn(grant.user_code), await signIn(grant.user_code)]
  t.equal(await one('approve'), YES)
  t.equal(await other('approve'), '400 Please start again')
  t.equal(await other('deny'), '400 Please start again')
  t.equal(await one('approve'), YES)
  t.equal((await poll(grant.device_code)).status, 200)
  t.equal(await activeSessions(), 1)
})
