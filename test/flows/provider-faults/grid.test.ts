import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import type { Fault } from '../../fakes/faults.ts'
import { GITHUB_PATHS, startFakeGitHub, type FakeGitHub } from '../../fakes/github.ts'
import { startHttpFake } from '../../fakes/http-fake.ts'
import { startFakeOidc, type FakeOidc } from '../../fakes/oidc.ts'
import { eventually, setup } from '../../helper.ts'
import { grid } from '../../slow.ts'
import { calledOnce, CANARY, refused, rows } from '../failed-login.ts'
import { exchanges } from './world.ts'

/** Every step of each provider with every fault (SEC-16, SEC-86, SEC-87; F7). */

t.test('the grid of faults: each step of each provider, each fault', async (t) => {
  const [recorder, github, acme] = await Promise.all([
    startHttpFake(() => answerJson({})),
    startFakeGitHub(),
    startFakeOidc()
  ])
  t.teardown(() => Promise.all([recorder, github, acme].map((fake) => fake.close())))
  const { url, sql } = await setup(t, { ...github.settings, ...acme.settings('acme') })

  const oauthError = { error: 'invalid_grant', error_description: CANARY, access_token: CANARY }
  const faults: Record<string, Fault> = {
    'status 500': { kind: 'status', status: 500, body: { message: CANARY } },
    'status 400 with an OAuth error': { kind: 'status', status: 400, body: oauthError },
    'status 401': { kind: 'status', status: 401, body: CANARY },
    'status 429': { kind: 'status', status: 429, body: { message: CANARY }, headers: { 'retry-after': '3600' } },
    'status 204 without a body': { kind: 'status', status: 204 },
    'an empty body': { kind: 'status', status: 200, contentType: 'application/json' },
    'an empty object': { kind: 'json', value: {} },
    'an error with status 200': {
      kind: 'json',
      value: { error: 'bad_verification_code', error_description: CANARY, message: CANARY }
    },
    null: { kind: 'json', value: null },
    'a list': { kind: 'json', value: [CANARY] },
    'a text': { kind: 'json', value: CANARY },
    'a number': { kind: 'json', value: 42 },
    'JSON that breaks off': {
      kind: 'status',
      status: 200,
      body: `{"access_token":"${CANARY}","keys":[`,
      contentType: 'application/json'
    },
    'a web page': {
      kind: 'status',
      status: 200,
      body: `<!doctype html><title>${CANARY}</title>`,
      contentType: 'text/html'
    },
    'fifty megabytes': { kind: 'huge' },
    'a reset connection': { kind: 'reset' },
    'a redirect': { kind: 'redirect', location: `${recorder.url}/${CANARY}` }
  }

  /** Answers that are right but for their status or size. */
  const almostRight = (value: object): Record<string, Fault> => {
    const padding = 'x'.repeat(2 * 1024 * 1024)
    return {
      'a right answer with status 500': { kind: 'status', status: 500, body: value },
      'a right answer with status 202': { kind: 'status', status: 202, body: value },
      'a right answer of two mebibytes': {
        kind: 'json',
        value: Array.isArray(value) ? [...value, padding] : { ...value, padding }
      }
    }
  }
  const document = async (path: string) => (await (await fetch(acme.url + path)).json()) as object

  interface Step {
    provider: string
    name: string
    fake: FakeGitHub | FakeOidc
    path: string
    right: object
    kept?: boolean
  }
  const { paths } = acme
  const steps: Step[] = [
    {
      provider: 'acme',
      name: 'discovery',
      fake: acme,
      path: paths.discovery,
      right: await document(paths.discovery),
      kept: true
    },
    { provider: 'acme', name: 'keys', fake: acme, path: paths.jwks, right: await document(paths.jwks), kept: true },
    {
      provider: 'acme',
      name: 'token exchange',
      fake: acme,
      path: paths.token,
      right: { access_token: 'x', id_token: 'y' }
    },
    { provider: 'acme', name: 'user info', fake: acme, path: paths.userinfo, right: { sub: '248289761001' } },
    {
      provider: 'github',
      name: 'token exchange',
      fake: github,
      path: GITHUB_PATHS.token,
      right: { access_token: 'x' }
    },
    { provider: 'github', name: 'profile', fake: github, path: GITHUB_PATHS.user, right: { id: 583231 } },
    { provider: 'github', name: 'emails', fake: github, path: GITHUB_PATHS.emails, right: [] }
  ]

  for (const { provider, name, fake, path, right, kept } of steps) {
    const detail = new RegExp(`^${provider === 'github' ? 'GitHub' : provider}: the ${name} failed: `)
    for (const [fault, play] of grid(Object.entries({ ...faults, ...almostRight(right) }), ([, { kind }]) => kind)) {
      // A list is what is asked for there; what is in it says nothing.
      if (path === GITHUB_PATHS.emails && fault === 'a list') continue
      await t.test(`${provider}, ${name}: ${fault}`, async (t) => {
        const before = await rows(sql)
        fake.reset()
        recorder.reset()
        fake.fault(path, play)
        const browser = createBrowser(url)
        if (name === 'discovery') {
          refused(t, await browser.get('/login/acme'), 502, 'provider_error', detail)
          t.same(browser.cookies(), [])
        } else {
          const callback = await browser.authorize(await browser.start(`/login/${provider}`))
          refused(t, await browser.callback(callback), 502, 'provider_error', detail)
          refused(t, await browser.callback(callback), 400, 'invalid_state', /./)
        }
        t.equal(exchanges(fake), name === 'discovery' ? 0 : 1)
        t.ok(calledOnce(fake.calls(path), fault), 'and no retry of the failed call')
        t.same(recorder.calls(), [], 'no redirect is followed')
        t.same(await rows(sql), before)
        await eventually('the connection is let go', () => fake.pending().length === 0)
        fake.heal()
        // Of what is kept once it was fetched well, the next login is the one at the end.
        if (!kept) {
          t.equal((await createBrowser(url).login(`/login/${provider}`)).status, 200, 'and the next login succeeds')
        }
      })
    }
    const browser = createBrowser(url)
    if (name === 'discovery') t.match(await browser.start('/login/acme'), `${acme.url}/authorize?`)
    else t.equal((await browser.login(`/login/${provider}`)).status, 200)
  }
})

t.test('a token response whose members are strange', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url, sql } = await setup(t, acme.settings('acme'))

  for (const overrides of [
    { access_token: undefined },
    { access_token: '' },
    { access_token: null },
    { access_token: 5 },
    { access_token: [CANARY] },
    { access_token: { [CANARY]: 1 } },
    { error: CANARY },
    { error: { [CANARY]: 1 } },
    { access_token: `${CANARY}\r\nx: y` }
  ]) {
    await t.test(`is no token: ${JSON.stringify(overrides)}`, async (t) => {
      const before = await rows(sql)
      acme.tokenResponse(overrides)
      refused(t, await createBrowser(url).login('/login/acme'), 502, 'provider_error', /^acme: /)
      t.same(await rows(sql), before)
    })
  }
  for (const overrides of [
    { expires_in: undefined },
    { expires_in: null },
    { expires_in: 'soon' },
    { expires_in: -1 },
    { expires_in: 1e308 },
    { expires_in: {} },
    { expires_at: 'never' },
    { scope: undefined },
    { scope: null },
    { scope: 5 },
    { scope: ['openid'] },
    { refresh_token: 5 },
    { refresh_token: null }
  ]) {
    await t.test(`does no harm: ${JSON.stringify(overrides)}`, async (t) => {
      acme.tokenResponse(overrides)
      t.equal((await createBrowser(url).login('/login/acme')).status, 200)
    })
  }
  await t.test('a scope with what no scope holds (RFC 6749 section 3.3) is no fault of this server', async (t) => {
    for (const scope of ['openid a\0b', 'openid \u202eevil', `openid ${'x'.repeat(100_000)}`]) {
      acme.tokenResponse({ scope })
      const response = await createBrowser(url).login('/login/acme')
      t.ok([200, 502].includes(response.status), `${response.status} ${JSON.stringify(scope).slice(0, 30)}`)
      t.notMatch(response.text, /internal_error|\u202e|x{5000}/)
    }
  })
})
