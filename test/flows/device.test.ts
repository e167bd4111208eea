import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { race, readJson, setup, sharing } from '../helper.ts'
import { slow } from '../slow.ts'

const TV = { client_id: 'tv', name: 'The television', redirect_uris: [] }
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'

async function open (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, { ...github.settings, CLIENTS: JSON.stringify([TV]), ...environment })
  const { url, origin: own, sql } = running

  async function post (path: string, form: Record<string, string>, at = url) {
    const response = await fetch(at + path, { method: 'POST', body: new URLSearchParams(form) })
    return { status: response.status, body: await readJson(response) }
  }
  const begin = async (form: Record<string, string> = { client_id: 'tv', scope: 'openid' }) =>
    (await post('/oauth2/device_authorization', form)).body
  const poll = (deviceCode: string, clientId = 'tv', at = url) =>
    post('/oauth2/token', { grant_type: DEVICE_GRANT, device_code: deviceCode, client_id: clientId }, at)
  /** The database's clock decides how often is too often. */
  const waitForInterval = () =>
    sql.query("UPDATE device_grants SET last_polled_at = last_polled_at - interval '1 minute'")

  const submit = (browser: Browser, path: string, form: Record<string, string>, origin = own) =>
    browser.post(path, { form, headers: { origin } })

  /** Types the code and signs in; the answer is the page to confirm. */
  async function typeAndSignIn (browser: Browser, userCode: string) {
    await submit(browser, '/device', { user_code: userCode })
    const back = await browser.login('/device/login/github')
    return await browser.get(back.location ?? '')
  }
  return { ...running, github, begin, poll, post, waitForInterval, submit, typeAndSignIn }
}

const world = sharing(t, open, ({ github }) => {
  github.allow()
})

t.test('a device signs in: code, page, provider, confirmation, tokens', async (t) => {
  const { url, begin, poll, waitForInterval, submit, typeAndSignIn, sql } = await world(t)
  const grant = await begin()
  t.match(grant, {
    device_code: /^[\w-]{43}$/,
    user_code: /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/,
    verification_uri: `${url}/device`,
    verification_uri_complete: `${url}/device?user_code=${grant.user_code}`,
    expires_in: 600,
    interval: 5
  })
  t.equal((await poll(grant.device_code)).body.error, 'authorization_pending')
  t.equal((await poll(grant.device_code)).body.error, 'slow_down')
  await waitForInterval()

  const browser = createBrowser(url)
  const page = await browser.get(grant.verification_uri_complete)
  t.match(page.text, `value="${grant.user_code}"`)
  t.match(page.text, /<label for="code">/)
  t.notMatch(page.text, 'role="alert"')
  t.same(
    ['cache-control', 'referrer-policy'].map((name) => page.headers.get(name)),
    ['no-store', 'same-origin']
  )
  const wrong = await submit(browser, '/device', { user_code: 'BBBB-BBBB' })
  t.match(wrong.text, /role="alert"[^>]*>This code is not known/)
  const confirm = await typeAndSignIn(browser, grant.user_code.toLowerCase().replace('-', ' '))
  t.match(confirm.text, 'Sign in to The television?')
  t.match(confirm.text, grant.user_code)
  t.equal((await poll(grant.device_code)).body.error, 'authorization_pending', 'signed in is not yet confirmed')
  t.match((await submit(browser, '/device/confirm', { decision: 'approve' })).text, 'The device is signed in')

  await waitForInterval()
  const { status, body } = await poll(grant.device_code)
  t.equal(status, 200)
  t.match(decodeJwt(body.access_token), { client_id: 'tv', scope: 'openid' })
  t.match(decodeJwt(body.id_token), { aud: 'tv' })
  t.equal((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${body.access_token}` } })).status, 200)
  t.equal((await poll(grant.device_code)).body.error, 'invalid_grant', 'a device code works once')
  t.equal((await sql.query('SELECT 1 FROM sessions')).rowCount, 1)
  t.same(browser.cookies(), [])
})

t.test('a session is shown with the device that asked for it, not with the browser that approved', async (t) => {
  const { url, submit, typeAndSignIn, sql } = await world(t, { TRUST_PROXY: '127.0.0.1,::1' })
  const television = { 'user-agent': 'Television/2.1', 'x-forwarded-for': '203.0.113.7' }
  const ask = async (path: string, form: Record<string, string>) =>
    readJson(await fetch(url + path, { method: 'POST', headers: television, body: new URLSearchParams(form) }))
  const grant = await ask('/oauth2/device_authorization', { client_id: 'tv' })
  const phone = createBrowser(url)
  await typeAndSignIn(phone, grant.user_code)
  await submit(phone, '/device/confirm', { decision: 'approve' })
  const tokens = await ask('/oauth2/token', {
    grant_type: DEVICE_GRANT, device_code: grant.device_code, client_id: 'tv'
  })
  const headers = { authorization: `Bearer ${tokens.access_token}` }
  t.match((await readJson(await fetch(`${url}/me/sessions`, { headers }))).items, [
    { device: 'Television', userAgent: 'Television/2.1', ipAddress: '203.0.113.7' }
  ])
  t.match((await sql.query("SELECT ip_address FROM audit_events WHERE type = 'login.succeeded'")).rows, [
    { ip_address: '127.0.0.1' }
  ], 'who signed in is the browser')
})

t.test('the person says no', async (t) => {
  const { begin, poll, submit, typeAndSignIn, url, sql } = await world(t)
  const grant = await begin()
  const browser = createBrowser(url)
  await typeAndSignIn(browser, grant.user_code)
  t.match((await submit(browser, '/device/confirm', { decision: 'deny' })).text, 'The device is not signed in')
  t.equal((await poll(grant.device_code)).body.error, 'access_denied')
  t.ok((await sql.query('SELECT revoked_at FROM sessions')).rows[0].revoked_at)
})

t.test('only the browser that typed the code can approve it, from this page, and after signing in', async (t) => {
  const { begin, poll, submit, typeAndSignIn, url, waitForInterval } = await world(t)
  const grant = await begin()
  const victim = createBrowser(url)
  await typeAndSignIn(victim, grant.user_code)
  const stranger = createBrowser(url)
  t.equal((await submit(stranger, '/device/confirm', { decision: 'approve' })).status, 400)
  await submit(stranger, '/device', { user_code: grant.user_code })
  t.equal((await submit(stranger, '/device/confirm', { decision: 'approve' })).status, 400, 'typed, but not signed in')
  for (const origin of ['https://evil.example', 'null']) {
    t.equal((await submit(victim, '/device/confirm', { decision: 'approve' }, origin)).status, 403)
    t.equal((await submit(victim, '/device', { user_code: grant.user_code }, origin)).status, 403)
  }
  t.equal((await poll(grant.device_code)).body.error, 'authorization_pending')
  await waitForInterval()
  t.equal((await submit(victim, '/device/confirm', { decision: 'approve' })).status, 200)
  t.equal((await poll(grant.device_code, 'signet')).body.error, 'invalid_grant', 'another client')
  t.equal((await poll(grant.device_code)).status, 200)
})

t.test('a code is approved once, exchanged once, and over after ten minutes', async (t) => {
  const { begin, poll, submit, typeAndSignIn, url, sql } = await world(t)
  const grant = await begin()
  const [one, other] = [createBrowser(url), createBrowser(url)]
  await typeAndSignIn(one, grant.user_code)
  await typeAndSignIn(other, grant.user_code)
  const decisions = await Promise.all(
    [one, other].map((browser) => submit(browser, '/device/confirm', { decision: 'approve' }))
  )
  t.same(decisions.map(({ status }) => status).sort(), [200, 400])
  const answers = await race(50, () => poll(grant.device_code))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(
    (await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NULL')).rowCount,
    1,
    'the session of the loser has ended'
  )

  const late = await begin()
  await sql.query("UPDATE device_grants SET expires_at = now() - interval '1 second' WHERE spent_at IS NULL")
  t.equal((await submit(one, '/device', { user_code: late.user_code })).status, 400)
  t.equal((await poll(late.device_code)).body.error, 'expired_token')

  const signedIn = createBrowser(url)
  const over = await begin()
  await typeAndSignIn(signedIn, over.user_code)
  await sql.query("UPDATE device_grants SET expires_at = now() - interval '1 second' WHERE spent_at IS NULL")
  t.equal((await submit(signedIn, '/device/confirm', { decision: 'approve' })).status, 400, 'approved after its end')
  t.equal((await poll(over.device_code)).body.error, 'expired_token')
  t.equal((await poll('unknown')).body.error, 'invalid_grant')
})

slow.test(
  'of fifty concurrent decisions on two instances one counts; of fifty exchanges one wins (SEC-95)',
  async (t) => {
    const { begin, poll, typeAndSignIn, url, origin, another, github, sql } = await world(t)
    const { address } = await another()
    const at = (index: number) => (index % 2 ? url : address)
    for (const isMixed of [false, true]) {
      const grant = await begin()
      const cookies: string[] = []
      for (let index = 0; index < 50; index++) {
        github.user({ id: index, login: `person${index}`, name: `Person ${index}` })
        const browser = createBrowser(url)
        await typeAndSignIn(browser, grant.user_code)
        cookies.push(
          browser.cookieHeader()
        )
      }
      const decisions = await race(50, async (index) => {
        const decision = isMixed && index % 3 === 0 ? 'deny' : 'approve'
        const response = await fetch(`${at(index)}/device/confirm`, {
          method: 'POST',
          body: new URLSearchParams({ decision }),
          headers: { origin, cookie: cookies[index] ?? '' }
        })
        return { index, decision, status: response.status }
      })
      const heard = decisions.filter(({ status }) => status === 200)
      t.equal(heard.length, 1)
      t.ok(decisions.every(({ status }) => status === 200 || status === 400))

      const isApproved = heard[0]?.decision === 'approve'
      const alive = async () => (await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NULL')).rowCount
      t.equal(await alive(), isApproved ? 1 : 0, 'the sessions of the others have ended')
      const answers = await race(50, (index) => poll(grant.device_code, 'tv', at(index)))
      const won = answers.filter(({ status }) => status === 200)
      t.equal(won.length, isApproved ? 1 : 0)
      t.ok(
        answers.every(
          ({ status, body }) => status === 200 || body.error === (isApproved ? 'invalid_grant' : 'access_denied')
        )
      )
      for (const { body } of won) {
        const me = await fetch(`${url}/me`, { headers: { authorization: `Bearer ${body.access_token}` } })
        t.equal((await readJson(me)).name, `Person ${heard[0]?.index}`, 'the device is signed in as who was heard')
      }
      await sql.query('DELETE FROM sessions')
    }
  }
)

slow.test('a device that polls during the approval gets its tokens once', async (t) => {
  const { begin, poll, submit, typeAndSignIn, url, another } = await world(t)
  const { address } = await another()
  for (let round = 0; round < 5; round++) {
    const grant = await begin()
    const browser = createBrowser(url)
    await typeAndSignIn(browser, grant.user_code)
    const answers = await race(50, async (index) =>
      index === 25
        ? { status: (await submit(browser, '/device/confirm', { decision: 'approve' })).status, body: undefined }
        : await poll(grant.device_code, 'tv', index % 2 ? url : address)
    )
    t.equal(answers[25]?.status, 200)
    const after = await poll(grant.device_code)
    t.equal([...answers.filter((_, index) => index !== 25), after].filter(({ status }) => status === 200).length, 1)
    t.ok(
      answers.every(
        ({ status, body }) =>
          status === 200 || ['authorization_pending', 'slow_down', 'invalid_grant'].includes(body.error)
      )
    )
  }
})

t.test('guessing codes is limited', async (t) => {
  const { begin, submit, url } = await world(t, { RATE_LIMITS: 'on' })
  const grant = await begin()
  const browser = createBrowser(url)
  for (let round = 0; round < 10; round++) {
    t.equal((await submit(browser, '/device', { user_code: 'BBBBBBBB' })).status, 400)
  }
  t.equal((await submit(browser, '/device', { user_code: grant.user_code })).status, 429)
})

t.test('guessing many codes at once is no way around that', async (t) => {
  const { submit, url } = await world(t, { RATE_LIMITS: 'on' })
  const answers = await race(30, () => submit(createBrowser(url), '/device', { user_code: 'BBBBBBBB' }))
  t.equal(answers.filter(({ status }) => status === 400).length, 10)
  t.equal(answers.filter(({ status }) => status === 429).length, 20)
})

t.test(
  'a person who says no at the provider, or whose login fails, comes to a page that leads back to the code',
  async (t) => {
    const { begin, submit, url, github, poll } = await world(t)
    const grant = await begin()
    const browser = createBrowser(url)
    await submit(browser, '/device', { user_code: grant.user_code })
    github.deny()
    const back = await browser.authorize(await browser.start('/device/login/github'))
    const page = await browser.get(back, { headers: { accept: 'text/html' } })
    t.equal(page.status, 403)
    t.match(page.text, /<h1>You are not signed in<\/h1>[^]*The sign-in at GitHub was stopped/)
    t.match(page.text, `href="${url}/device"`)
    const program = await browser.get(await browser.authorize(await browser.start('/device/login/github')))
    t.match(program.json(), { status: 403, code: 'access_denied' })
    t.equal((await poll(grant.device_code)).body.error, 'authorization_pending')
  }
)

t.test('the pages lead to the issuer, also where that has a path', async (t) => {
  const issuer = 'https://example.com/auth'
  const { app, sql } = await world(t, { ISSUER_URL: issuer })
  const { user_code: userCode, verification_uri: page } = (
    await app.inject({ method: 'POST', url: '/oauth2/device_authorization', payload: { client_id: 'tv' } })
  ).json()
  t.equal(page, `${issuer}/device`)
  t.match((await app.inject(`/device?user_code=${userCode}`)).body, `action="${issuer}/device"`)
  const typed = await app.inject({
    method: 'POST',
    url: '/device',
    payload: { user_code: userCode },
    headers: { origin: 'https://example.com' }
  })
  t.match(typed.body, `href="${issuer}/device/login/github"`)
  t.equal((await sql.query('SELECT 1 FROM device_grants')).rowCount, 1)
})

t.test('curl needs no registered client: the own one will do, an unknown one will not', async (t) => {
  const { url, begin, post, poll, submit } = await world(t)
  const grant = await begin({ client_id: 'signet' })
  t.equal((await poll(grant.device_code, 'signet')).body.error, 'authorization_pending')
  t.match(
    (await submit(createBrowser(url), '/device', { user_code: grant.user_code })).text,
    `Sign in to ${new URL(url).host}`
  )
  t.equal((await post('/oauth2/device_authorization', { client_id: 'nobody' })).body.error, 'invalid_client')
  t.equal((await post('/oauth2/device_authorization', {})).body.error, 'invalid_request')
})
