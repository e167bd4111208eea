import t from 'tap'
import { createBrowser, type BrowserResponse } from '../../fakes/browser.ts'
import { GITHUB_PATHS, startFakeGitHub } from '../../fakes/github.ts'
import type { HttpFake } from '../../fakes/http-fake.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { eventually, setup } from '../../helper.ts'
import { refused, rows } from '../failed-login.ts'
import { exchanges, joined, serve } from './world.ts'

/** A provider that does not answer, or never ends (SEC-85, SEC-87; F6). */

t.test('a provider that hangs: 504 after five seconds a request and fifteen in all; other logins go on', async (t) => {
  const github = await startFakeGitHub()
  const [healthy, acme, hangsAtDiscovery, dripsAtDiscovery, hangsAtKeys, dripsAtKeys, slow, late] = await Promise.all([
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc()
  ])
  const issuers = {
    acme,
    'hangs-at-discovery': hangsAtDiscovery,
    'drips-at-discovery': dripsAtDiscovery,
    'hangs-at-keys': hangsAtKeys,
    'drips-at-keys': dripsAtKeys,
    slow,
    late
  }
  const fakes = [github, healthy, ...Object.values(issuers)]
  t.teardown(() => Promise.all(fakes.map((fake) => fake.close())))
  const { url, sql, another } = await setup(t, { ...github.settings, ...healthy.googleSettings(), ...joined(issuers) })
  const { address } = await another()
  const me = (await createBrowser(url).login('/login/google')).json()
  const before = await rows(sql)

  // Headers after four seconds, and then no end: the five seconds are those of the whole request.
  const lateToken = await serve(t, (_request, response) => {
    const headers = setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).write('{'), 4_000)
    const drip = setInterval(() => response.headersSent && response.write(' '), 200)
    response.once('close', () => {
      clearTimeout(headers)
      clearInterval(drip)
    })
  })
  late.discovery({ token_endpoint: `${lateToken}/token` })

  interface Attempt {
    name: string
    started: number
    answer: Promise<BrowserResponse>
    detail: RegExp
    withinMs: number
  }
  const attempts: Attempt[] = []
  const attempt = (name: string, detail: RegExp, answer: Promise<BrowserResponse>, withinMs = 14_000) =>
    attempts.push({
      name,
      detail,
      withinMs,
      started: Date.now(),
      answer: answer.then((response) => Object.assign(response, { at: Date.now() }))
    })

  /** A login that gets stuck at `path`; resolves when it is stuck. */
  async function stick (
    provider: string,
    fake: HttpFake,
    path: string,
    kind: 'hang' | 'drip',
    detail: RegExp,
    times = 1
  ) {
    const browsers = Array.from({ length: times }, () => createBrowser(url))
    const callbacks: string[] = []
    for (const browser of browsers) callbacks.push(await browser.authorize(await browser.start(`/login/${provider}`)))
    const already = fake.calls(path).length
    fake.fault(path, { kind }, { times })
    browsers.forEach((browser, index) =>
      attempt(`${provider} ${path} ${kind}`, detail, browser.callback(callbacks[index] as string))
    )
    await eventually(
      `${provider} ${path} ${kind}: the calls have arrived`,
      () => fake.calls(path).length === already + times
    )
  }
  await stick('github', github, GITHUB_PATHS.token, 'hang', /^GitHub: the token exchange took too long/, 30)
  await t.test('another provider, /me and the probes answer meanwhile', async (t) => {
    t.equal(github.pending().length, 30, 'they are hanging')
    const three = <Result>(work: () => Promise<Result>) => Array.from({ length: 3 }, work)
    const answers = await Promise.all([
      ...three(() => createBrowser(url).login('/login/google')),
      ...three(() => fetch(`${url}/me`, { headers: { authorization: `Bearer ${me.access_token}` } })),
      ...three(() => fetch(`${url}/readyz`)),
      // At GitHub itself, whose calls hang for others.
      createBrowser(url).login('/login/github')
    ])
    t.ok(github.pending().length >= 30, 'before any of them was given up')
    t.same(
      answers.map(({ status }) => status),
      Array(10).fill(200)
    )
  })
  await stick('github', github, GITHUB_PATHS.token, 'drip', /^GitHub: the token exchange took too long/)
  await stick('github', github, GITHUB_PATHS.user, 'hang', /^GitHub: the profile took too long/)
  await stick('github', github, GITHUB_PATHS.user, 'drip', /^GitHub: the profile took too long/)
  await stick('github', github, GITHUB_PATHS.emails, 'hang', /^GitHub: the emails took too long/)
  await stick('github', github, GITHUB_PATHS.emails, 'drip', /^GitHub: the emails took too long/)
  await stick('acme', acme, acme.paths.token, 'hang', /^acme: the token exchange took too long/)
  await stick('acme', acme, acme.paths.token, 'drip', /^acme: the token exchange took too long/)
  await stick('hangs-at-keys', hangsAtKeys, hangsAtKeys.paths.jwks, 'hang', /^hangs-at-keys: the keys took too long/)
  await stick('drips-at-keys', dripsAtKeys, dripsAtKeys.paths.jwks, 'drip', /^drips-at-keys: the keys took too long/)
  for (const [id, fake, kind] of [
    ['hangs-at-discovery', hangsAtDiscovery, 'hang'],
    ['drips-at-discovery', dripsAtDiscovery, 'drip']
  ] as const) {
    fake.fault(fake.paths.discovery, { kind }, { times: 1 })
    attempt(`${id} start`, new RegExp(`^${id}: the discovery took too long`), createBrowser(url).get(`/login/${id}`))
    attempt(
      `${id} start, at the same time`,
      new RegExp(`^${id}: the discovery took too long`),
      createBrowser(url).get(`/login/${id}`)
    )
  }
  const lateBrowser = createBrowser(url)
  attempt(
    'late token',
    /^late: the token exchange took too long/,
    lateBrowser.callback(await lateBrowser.authorize(await lateBrowser.start('/login/late')))
  )

  // Each step within its five seconds, but more than fifteen together: at an instance that knows nothing of the issuer
  // yet.
  const slowBrowser = createBrowser(url)
  const slowCallback = await slowBrowser.authorize(await slowBrowser.start('/login/slow'))
  const cookie = slowBrowser.cookieHeader()
  for (const path of [slow.paths.discovery, slow.paths.token, slow.paths.jwks, slow.paths.userinfo]) {
    slow.fault(path, { kind: 'delay', ms: 4_300 })
  }
  slow.idToken({ header: { kid: 'unknown' } })
  attempt(
    'slow',
    /^slow: .* took too long/,
    createBrowser(address).get(slowCallback.replace(url, address), { headers: { cookie } }),
    25_000
  )

  await Promise.all(
    attempts.map(async ({ name, started, answer, detail, withinMs }) => {
      const response = await answer
      const took = (response as unknown as { at: number }).at - started
      await t.test(name, async (t) => {
        refused(t, response, 504, 'provider_timeout', detail)
        t.ok(took >= 4_000 && took < withinMs, `after ${took} ms`)
      })
    })
  )

  await t.test('nothing is left: no row, no connection, no second exchange', async (t) => {
    const [users = 0, accounts = 0, sessions = 0] = before
    t.same(await rows(sql), [users + 1, accounts + 1, sessions + 4], 'only the logins that succeeded meanwhile')
    for (const fake of fakes) await eventually('the connections are let go', () => fake.pending().length === 0)
    t.equal(exchanges(github), 31 + 4 + 1, 'one exchange a login')
    t.equal(exchanges(acme), 2)
    t.equal(hangsAtDiscovery.calls(hangsAtDiscovery.paths.discovery).length, 1, 'two logins shared one discovery')
  })

  await t.test('and every one of them comes back', async (t) => {
    slow.heal()
    slow.idToken({})
    late.discovery({})
    for (const id of ['github', ...Object.keys(issuers)].filter((id) => id !== 'late')) {
      t.equal((await createBrowser(url).login(`/login/${id}`)).status, 200, id)
    }
  })
})
