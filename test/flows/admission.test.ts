import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { idTokenFrom } from '../fakes/oidc-app.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { createPkce } from '../fakes/pkce.ts'
import { race, readJson, setup } from '../helper.ts'
import { grid, slow } from '../slow.ts'

/** SIGN_UPS and ALLOWED_EMAIL_DOMAINS, on every way into the service. */

const REDIRECT_URI = 'https://app.example.com/callback'
const APP = { client_id: 'app', name: 'The app', redirect_uris: [REDIRECT_URI] }
const RETURN_TO = 'https://web.example.com/in'

/** An app that admits everyone, and `restricted`, on the same database, that does not. */
async function world (t: Test, restriction: Record<string, string>) {
  const acme = await startFakeOidc()
  const github = await startFakeGitHub()
  t.teardown(() => Promise.all([acme.close(), github.close()]))
  const running = await setup(t, {
    ...acme.settings('acme', { emailTrusted: true }),
    ...github.settings,
    CLIENTS: JSON.stringify([APP]),
    ALLOWED_ORIGINS: new URL(RETURN_TO).origin
  })
  const { url, origin, sql } = running
  const { address: restricted } = await running.another({ ...restriction, ISSUER_URL: url })
  const person = (name: string, domain = 'example.com', verified = true) => {
    acme.person({ sub: name, email: `${name}@${domain}`, email_verified: verified, name })
  }

  /** In direct mode, at one of the two instances. */
  async function login (at: string, provider = 'acme') {
    const browser = createBrowser(at)
    const callback = await browser.authorize(await browser.start(`/login/${provider}`))
    return await browser.callback(callback.replace(url, at))
  }

  async function redirected (start: string): Promise<Record<string, string>> {
    const browser = createBrowser(restricted)
    const callback = await browser.authorize(await browser.start(start))
    const { location = '' } = await browser.callback(callback.replace(url, restricted))
    return Object.fromEntries(new URL(location).searchParams)
  }

  function authorizePath (more: Record<string, string> = {}) {
    const { verifier, challenge } = createPkce()
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'app',
      redirect_uri: REDIRECT_URI,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      scope: 'openid',
      provider: 'acme',
      ...more
    })
    return { path: `/oauth2/authorize?${query}`, verifier }
  }

  async function native () {
    const response = await fetch(`${restricted}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: await idTokenFrom(acme),
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        provider: 'acme',
        client_id: 'app'
      })
    })
    return { status: response.status, body: await readJson(response) }
  }

  async function device () {
    const response = await fetch(`${restricted}/oauth2/device_authorization`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'app' })
    })
    const { user_code: userCode } = await readJson(response)
    const browser = createBrowser(restricted)
    await browser.post('/device', { form: { user_code: userCode }, headers: { origin } })
    const callback = await browser.authorize(await browser.start('/device/login/acme'))
    return await browser.callback(callback.replace(url, restricted))
  }

  /** Adds the person who signs in at `provider` to the user of an access token. */
  async function link (accessToken: string, provider = 'acme') {
    const { path, verifier } = authorizePath({ intent: 'link', provider })
    const { code = '' } = await redirected(path)
    const response = await fetch(`${restricted}/me/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ code, code_verifier: verifier, redirect_uri: REDIRECT_URI, client_id: 'app' })
    })
    return { status: response.status, body: await readJson(response) }
  }

  const count = async (table: string) => (await sql.query(`SELECT count(*)::int AS n FROM ${table}`)).rows[0].n
  return { ...running, acme, github, restricted, person, login, redirected, authorizePath, native, device, link, count }
}

type World = Awaited<ReturnType<typeof world>>

/** The person who signs in at acme comes in by no way, and nothing of them is written. */
async function assertRefused (t: Test, world: World, code: string): Promise<void> {
  const { login, restricted, redirected, authorizePath, native, device, count } = world
  const tables = ['users', 'accounts', 'sessions', 'authorization_codes']
  const rows = async () => await Promise.all(tables.map(count))
  const before = await rows()
  const direct = await login(restricted)
  t.match([direct.status, direct.json().code], [403, code])
  const inWords = { error: 'access_denied', error_description: direct.json().detail }
  t.match(await redirected(`/login/acme?return_to=${encodeURIComponent(RETURN_TO)}`), inWords, 'cookie mode')
  t.match(await redirected(authorizePath().path), inWords, 'code mode')
  t.match(await native(), { status: 400, body: { error: 'invalid_grant', error_description: direct.json().detail } })
  t.equal((await device()).status, 403, 'device')
  const answers = await race(8, async () => (await login(restricted)).status)
  t.same(new Set(answers), new Set([403]), 'eight at once')
  t.same(await rows(), before, 'nothing is written')
}

t.test('SIGN_UPS=closed admits only people who have an account', async (t) => {
  const all = await world(t, { SIGN_UPS: 'closed' })
  const { url, restricted, person, login, redirected, authorizePath, native, device, link, github, count } = all

  await t.test('a new person is refused on every way', async (t) => {
    person('new')
    await assertRefused(t, all, 'sign_up_closed')
    t.same(
      (await all.sql.query("SELECT DISTINCT details FROM audit_events WHERE type = 'login.failed'")).rows,
      [{ details: { code: 'sign_up_closed', step: 'sign-in' } }]
    )
  })

  await t.test('a known person comes in on every way, with a new name too', async (t) => {
    person('known')
    t.equal((await login(url)).status, 200)
    t.equal((await login(restricted)).status, 200)
    all.acme.person({ sub: 'known', email: 'known@example.com', email_verified: true, name: 'Another name' })
    t.match((await login(restricted)).json().user, { name: 'Another name' })
    t.match(await redirected(authorizePath().path), { code: String })
    t.equal((await native()).status, 200)
    t.match(await device(), { status: 302 })
  })

  await t.test('an account that joins a user by email, or is linked by them, makes no user', async (t) => {
    const users = await count('users')
    github.user({ id: 7, login: 'known', email: 'known@example.com' })
    t.equal((await login(restricted, 'github')).status, 200, 'joined')
    person('second', 'elsewhere.example')
    const { access_token: accessToken } = (await login(restricted, 'github')).json()
    t.equal((await link(accessToken)).status, 201, 'linked')
    t.equal(await count('users'), users)
  })
})

slow.test('ALLOWED_EMAIL_DOMAINS admits verified addresses of these domains, of new and known people', async (t) => {
  const all = await world(t, { ALLOWED_EMAIL_DOMAINS: 'example.com, Example.ORG, bücher.example' })
  const { url, restricted, person, login, link, github, sql } = all

  for (const domain of ['example.com', 'example.org', 'EXAMPLE.com', 'bücher.example', 'xn--bcher-kva.example']) {
    person('jane', domain)
    all.acme.person({ sub: `jane ${domain}`, email: `jane@${domain}`, email_verified: true })
    t.equal((await login(restricted)).status, 200, domain)
    t.equal((await login(restricted)).status, 200, `${domain}, again`)
  }

  const outsiders = [
    ['other', 'elsewhere.example', true],
    ['sub', 'mail.example.com', true],
    ['suffix', 'notexample.com', true],
    ['unverified', 'example.com', false]
  ] as const
  for (const [name, domain, verified] of grid(outsiders, ([, , verified]) => verified)) {
    await t.test(`not ${name}@${domain}${verified ? '' : ', unverified'}`, async (t) => {
      person(name, domain, verified)
      await assertRefused(t, all, 'email_not_allowed')
    })
    await t.test('nor when they are known', async (t) => {
      person(name, domain, verified)
      t.equal((await login(url)).status, 200)
      await assertRefused(t, all, 'email_not_allowed')
    })
  }

  await t.test('moving to another domain is refused, and moving back is not', async (t) => {
    person('mover')
    t.equal((await login(restricted)).status, 200)
    all.acme.person({ sub: 'mover', email: 'mover@elsewhere.example', email_verified: true })
    await assertRefused(t, all, 'email_not_allowed')
    person('mover')
    t.equal((await login(restricted)).status, 200)
  })

  await t.test('a user without an allowed address gets none by an account of another domain', async (t) => {
    github.user({ id: 8, login: 'nobody', email: null, emails: [] })
    const { access_token: accessToken, user } = (await login(url, 'github')).json()
    t.equal(user.email, null)
    person('outsider', 'outside.example')
    t.match(await link(accessToken), { status: 403, body: { code: 'email_not_allowed' } })
    t.equal((await sql.query("SELECT 1 FROM accounts WHERE subject = 'outsider'")).rowCount, 0)
    person('insider')
    t.equal((await link(accessToken)).status, 201)
    t.equal((await login(restricted, 'github')).status, 200, 'and comes in by any of the accounts')
  })
})
