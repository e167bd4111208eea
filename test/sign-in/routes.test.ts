import t, { type Test } from 'tap'
import { Problem } from '../../src/http/errors.ts'
import { originOf } from '../../src/http/failure-origin.ts'
import { toProblem } from '../../src/http/problem-details.ts'
import { serialization } from '../../src/plugins/serialization.ts'
import { validation } from '../../src/plugins/validation.ts'
import { createCompletedLogins } from '../../src/sign-in/completed-login.ts'
import type { LoginCompletion } from '../../src/sign-in/login-attempt.ts'
import { STAGE_STEPS } from '../../src/sign-in/login-stage.ts'
import { signInRoutes } from '../../src/sign-in/routes.ts'
import { cookies, createPagesApp, createRecorder } from '../oauth2/pages.ts'

const HTML = { accept: 'text/html' }
const GITHUB = { id: 'github', name: 'GitHub', formPost: false }
const APPLE = { id: 'apple', name: 'Apple', formPost: true }
const FACEBOOK = { id: 'facebook', name: 'Facebook', formPost: false, addsFragment: true }
const ALL = [GITHUB, APPLE, FACEBOOK]
const TOKENS = { access_token: 'at', token_type: 'Bearer', expires_in: 900, refresh_token: 'rt' }
const USER = {
  id: '01890000-0000-7000-8000-000000000000',
  email: null,
  emailVerified: false,
  name: 'Jane',
  avatarUrl: null,
  locale: null,
  roles: [],
  preferences: {},
  metadata: {},
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  lastLoginAt: null,
  accounts: []
}
const CODE: LoginCompletion = {
  mode: 'code',
  intent: undefined,
  clientId: 'spa',
  redirectUri: 'https://app/cb',
  state: 'st',
  codeChallenge: 'c',
  scope: 'openid',
  nonce: undefined
}
const CALLBACK = '/login/github/callback?state=s&code=c'
const caller = { ipAddress: '127.0.0.1', userAgent: 'lightMyRequest', requestId: 'req', clientId: null }
/** Seals nothing: what a cookie holds can be read. */
const openSealer = { seal: (text: string) => text, open: (text: string) => text === '' ? undefined : text }

interface World {
  providers?: typeof ALL
  /** What the login was started for; null for one that this browser did not start. */
  completion?: LoginCompletion | null
  accountUrl?: string | undefined
  /** What the login ends in, beside its completion. */
  outcome?: object
  error?: Error
}

/** The routes of a sign-in on services that record their calls. */
async function serve (t: Test, world: World = {}) {
  const { providers = ALL, completion = { mode: 'direct' }, outcome, error } = world
  const { accountUrl } = { accountUrl: 'https://id/account', ...world }
  const { calls, record } = createRecorder()
  const { app } = await createPagesApp(t)
  await app.register(validation)
  await app.register(serialization)
  app.decorate('limits', { signIn: { count: record('count') } } as never)
  app.decorate('metrics', { login: (...values: unknown[]) => { calls.push(['metrics', ...values]) } } as never)
  app.setErrorHandler((error, _request, reply) => reply.problem(toProblem(error)))
  const started = { url: 'https://provider/authorize', cookie: { name: 'login', value: 'sealed' }, provider: GITHUB }
  const signedIn = { completion, ...outcome ?? { outcome: 'tokens', tokens: TOKENS, user: USER } }
  await app.register(signInRoutes, {
    issuerUrl: 'https://id',
    providers: new Map(providers.map((provider) => [provider.id, provider])),
    signIn: { start: record('start', error ?? started), finish: record('finish', error ?? signedIn) },
    attempts: {
      surplus: () => [],
      cookieName: (state: string) => `login-${state}`,
      stateHash: (state: string) => Buffer.from(state),
      open: (_cookies: unknown, state: string, provider: string) =>
        completion && state === 's' ? { provider, completion } : undefined
    },
    cookies,
    visitSealer: openSealer,
    consentSealer: openSealer,
    completedLogins: createCompletedLogins(openSealer, cookies),
    pageSessions: { begin: async (...[,, page]: unknown[]) => { calls.push(['begin', page]) } },
    accountUrl,
    allowedOrigins: { has: (origin: string) => origin === 'https://app' }
  } as never)
  const get = (url: string, headers: object = {}) => app.inject({ url, headers: { ...headers } })
  const asked = (name: string) => calls.filter(([called]) => called === name).map(([, ...values]) => values)
  return { app, calls, asked, get }
}

const hrefsOf = (body: string) => [...body.matchAll(/href="(https?:[^"]*)"/g)]
  .map(([, href = '']) => href.replaceAll('&amp;', '&')).filter((href) => !href.endsWith('favicon.ico'))
const setCookies = (response: { cookies: { name: string, value: string }[] }) =>
  Object.fromEntries(response.cookies.map(({ name, value }) => [name, value]))

t.test('the list of providers hands on what it was asked with', async (t) => {
  const { get } = await serve(t)
  const { statusCode, headers, body } = await get('/login')
  t.same([statusCode, headers.vary], [200, 'Accept'])
  t.strictSame(JSON.parse(body), {
    providers: ALL.map(({ id, name }) => ({ id, name, loginUrl: `https://id/login/${id}` }))
  })
  const query = 'return_to=https%3A%2F%2Fapp%2Fx&prompt=login&login_hint=a&max_age=1&ui_locales=de&acr_values=b'
  const [first] = JSON.parse((await get(`/login?${query}&other=c&prompt=twice`)).body).providers
  t.equal(first.loginUrl, `https://id/login/github?${query.replace('prompt=login&', '')}`)
})

t.test('a browser gets a page with a button each, and the way back to its app', async (t) => {
  const { get } = await serve(t)
  const page = await get('/login?return_to=https%3A%2F%2Fapp%2Fx', {
    ...HTML, cookie: '__Host-signet-provider=apple'
  })
  t.same([page.statusCode, page.headers['cache-control']], [200, 'no-store'])
  t.match(page.headers.vary, /^Accept/)
  t.match(page.body, '<h1>Sign in to The service</h1>')
  const query = '?return_to=https%3A%2F%2Fapp%2Fx'
  t.same(hrefsOf(page.body).map((href) => href.split('?error')[0]), [
    ...['apple', 'github', 'facebook'].map((id) => `https://id/login/${id}${query}`), 'https://app/x'
  ])
  t.match(page.body, /<span>Continue with Apple<\/span><\/a>\s*<small>/)
  t.equal(page.body.match(/<small>/g)?.length, 1)
  const direct = await get('/login', HTML)
  t.same(hrefsOf(direct.body), ALL.map(({ id }) => `https://id/login/${id}`))
  t.notMatch(direct.body, '<small>')
  t.match(direct.body, /<\/a>\s*<\/li><\/ul>\s*<\/main>/, 'and nothing else')
  const alone = await (await serve(t, { providers: [GITHUB] })).get('/login', {
    ...HTML, cookie: '__Host-signet-provider=github'
  })
  t.notMatch(alone.body, '<small>', 'one provider needs no hint')
  const none = await (await serve(t, { providers: [] })).get('/login', HTML)
  t.match(none.body, 'GITHUB_CLIENT_ID')
  t.equal((await get('/login?return_to=https%3A%2F%2Fevil', HTML)).statusCode, 400)
})

t.test('a login starts for what return_to says', async (t) => {
  const { asked, get } = await serve(t)
  const cases = [
    ['', { mode: 'direct' }],
    ['?return_to=https%3A%2F%2Fapp%2Fx', { mode: 'cookie', returnTo: 'https://app/x' }],
    ['?return_to=https%3A%2F%2Fid%2Faccount', { mode: 'pages', returnTo: 'https://id/account' }]
  ] as const
  for (const [query] of cases) {
    const { statusCode, headers } = await get(`/login/github${query}`)
    t.same([statusCode, headers.location, headers['cache-control']], [302, 'https://provider/authorize', 'no-store'])
  }
  t.match(asked('start'), cases.map(([, completion]) => ['github', completion]))
  t.same(asked('count'), cases.map(() => ['start:127.0.0.1']))
  await get('/login/github?prompt=login&max_age=5')
  t.match(asked('start').at(-1), ['github', { mode: 'direct' }, { prompt: ['login'], maxAge: 5 }])
})

t.test('a start that is not right starts nothing', async (t) => {
  const { app, asked, get } = await serve(t)
  const returnTo = await get('/login/github?return_to=https%3A%2F%2Fevil')
  t.match(returnTo.json(), { status: 400, code: 'invalid_return_to', detail: /ALLOWED_ORIGINS/ })
  t.match((await get('/login/github?max_age=x')).json(), { status: 400, code: 'invalid_request', detail: /max_age/ })
  const inApp = await get('/login/github?max_age=x&return_to=https%3A%2F%2Fapp%2Fx')
  t.equal(inApp.headers['cache-control'], 'no-store')
  t.match(inApp.headers.location, /^https:\/\/app\/x\?error=invalid_request&error_description=max_age\+/)
  t.equal((await get(`/login/${'x'.repeat(65)}`)).statusCode, 400)
  t.equal((await app.inject({ method: 'HEAD', url: '/login/github' })).statusCode, 404)
  t.equal((await app.inject({ method: 'HEAD', url: CALLBACK })).statusCode, 404)
  t.same(asked('start'), [])
  const broken = await serve(t, { error: new Problem('unknown_provider', 'words') })
  t.match((await broken.get('/login/gone')).json(), { status: 404, code: 'unknown_provider' })
  const page = await broken.get('/login/gone', HTML)
  t.equal(page.statusCode, 404)
  t.same(hrefsOf(page.body), ['https://id/login'])
})

t.test('a callback ends in tokens: JSON, a page for a browser, or a cookie', async (t) => {
  const direct = await serve(t)
  const json = await direct.get(CALLBACK)
  t.same([json.statusCode, json.headers['cache-control']], [200, 'no-store'])
  t.match(json.json(), { ...TOKENS, user: { name: 'Jane' } })
  t.same(setCookies(json), { 'login-s': '' }, 'the attempt is forgotten')
  t.same(direct.asked('count'), [['callback:127.0.0.1']])
  const answer = { state: 's', code: 'c', iss: undefined, error: undefined, user: undefined }
  t.same(direct.asked('finish'), [[{ provider: 'github', completion: { mode: 'direct' } }, answer, caller]])

  const page = await direct.get(CALLBACK, HTML)
  t.same([page.statusCode, page.headers['cache-control']], [200, 'no-store'])
  t.match(page.body, 'You are signed in as Jane.')
  t.match(page.body, 'Authorization: Bearer at')
  t.match(page.body, 'refresh_token=rt')
  t.match(page.body, /\b15 minutes/)
  t.same(hrefsOf(page.body), ['https://id/account'])
  t.equal(setCookies(page)['__Host-signet-provider'], 'github')
  t.match(JSON.parse(setCookies(page)['__Host-signet-signed-in'] ?? ''), { isDirect: true, backTo: undefined })

  const cookieMode = await serve(t, { completion: { mode: 'cookie', returnTo: 'http://app:1/x?y' } })
  const redirected = await cookieMode.get(CALLBACK, HTML)
  t.same([redirected.statusCode, redirected.headers.location], [302, 'http://app:1/x?y'])
  t.match(redirected.cookies.find(({ name }) => name === '__Host-signet-refresh'), { value: 'rt', sameSite: 'Strict' })
  t.match(JSON.parse(setCookies(redirected)['__Host-signet-signed-in'] ?? ''), {
    isDirect: false, backTo: { name: 'app:1', url: 'http://app:1/' }
  })
})

t.test('a callback ends in a code, a question, or a page', async (t) => {
  const outcomes: [World, string, object][] = [
    [{ completion: CODE, outcome: { outcome: 'code', code: 'k' } }, 'https://app/cb?code=k&state=st&iss=https%3A%2F%2Fid',
      { 'login-s': '' }],
    [{ completion: { mode: 'pages', returnTo: 'https://id/account' }, outcome: { outcome: 'page', page: 'p' } },
      'https://id/account', { 'login-s': '' }],
    [{
      completion: { mode: 'device', deviceCodeHash: 'h', userCode: 'X', clientId: 'tv', scope: 'openid' },
      outcome: { outcome: 'device', sessionId: 'sid', user: USER }
    }, 'https://id/device/confirm', { 'login-s': '', '__Host-signet-device': String }]
  ]
  for (const [world, location, cookies] of outcomes) {
    const { asked, get } = await serve(t, world)
    const response = await get(CALLBACK)
    t.same([response.statusCode, response.headers.location], [302, location])
    t.equal(response.headers['cache-control'], 'no-store')
    const set = setCookies(response)
    t.match(set, cookies)
    t.equal(Object.keys(set).length, Object.keys(cookies).length)
    t.same(asked('begin'), world.outcome && 'page' in world.outcome ? [['p']] : [])
    if ('__Host-signet-device' in set) {
      const { at, ...visit } = JSON.parse(set['__Host-signet-device'] ?? '')
      const expected = { deviceCodeHash: 'h', userCode: 'X', clientId: 'tv', scope: 'openid' }
      t.strictSame(visit, { ...expected, sessionId: 'sid', userName: 'Jane' })
    }
  }
  const byForm = await serve(t, {
    completion: { ...CODE, responseMode: 'form_post' }, outcome: { outcome: 'code', code: 'k' }
  })
  const form = await byForm.get(CALLBACK)
  t.same([form.statusCode, form.headers['cache-control'], form.headers.location], [200, 'no-store', undefined])
  t.match(form.body, '<form method="post" action="https://app/cb">')
  t.match(form.body, '<input type="hidden" name="code" value="k">')
  t.match(form.body, '<script>document.forms[0].submit()</script>')
  t.match(form.headers['content-security-policy'], /script-src 'sha256-.*form-action 'self' https:$/)

  const asking = await serve(t, { completion: CODE, outcome: { outcome: 'consent', sessionId: 'sid', user: USER } })
  const { headers, cookies: set } = await asking.get(CALLBACK)
  const [, id] = /^https:\/\/id\/oauth2\/consent\?request=([\w-]{16})$/.exec(String(headers.location)) ?? []
  const visit = JSON.parse(set.find(({ name }) => name === `__Host-signet-consent-${id}`)?.value ?? '')
  t.match(visit, { sessionId: 'sid', userId: USER.id, completion: { mode: 'code', clientId: 'spa' } })
})

t.test('a browser remembers its login: not the provider of a link, and nothing of a device', async (t) => {
  const marksOf = async (completion: LoginCompletion, outcome: object) => {
    const { get } = await serve(t, { completion, outcome })
    const set = setCookies(await get(CALLBACK, HTML))
    const mark = JSON.parse(set['__Host-signet-signed-in'] ?? 'null')
    return [set['__Host-signet-provider'], mark?.isDirect, mark?.backTo]
  }
  const code = { outcome: 'code', code: 'k' }
  const app = { name: 'app', url: 'https://app/' }
  t.same(await marksOf(CODE, code), ['github', false, app])
  t.same(await marksOf({ ...CODE, intent: 'link' }, code), [undefined, false, app])
  t.same(await marksOf({ ...CODE, redirectUri: 'com.example.app:/cb' }, code), ['github', false, undefined])
  t.same(await marksOf({ ...CODE, redirectUri: 'com.example.app:/https://cb' }, code), ['github', false, undefined])
  t.same(await marksOf({ mode: 'pages', returnTo: 'https://id/account' }, { outcome: 'page' }), ['github', true, undefined])
  const device: LoginCompletion = { mode: 'device', deviceCodeHash: 'h', userCode: 'X', clientId: 'tv', scope: '' }
  t.same(await marksOf(device, { outcome: 'device', user: USER }), ['github', undefined, undefined])
})

t.test('a callback that is loaded again says that the login is done', async (t) => {
  const { asked, get } = await serve(t)
  const mark = (more: object) => ({
    cookie: `__Host-signet-signed-in=${encodeURIComponent(JSON.stringify({
      stateHash: Buffer.from('s').toString('base64url'), isDirect: true, at: Date.now(), ...more
    }))}`
  })
  const again = await get(CALLBACK, { ...HTML, ...mark({}) })
  t.same([again.statusCode, again.headers['cache-control']], [200, 'no-store'])
  t.notMatch(again.body, 'refresh_token')
  t.same(hrefsOf(again.body), ['https://id/account', 'https://id/login'])
  const ofApp = await get(CALLBACK, {
    ...HTML, ...mark({ isDirect: false, backTo: { name: 'app', url: 'https://app/' } })
  })
  t.same(hrefsOf(ofApp.body), ['https://app/'])
  t.match(ofApp.body, /Back to app/)
  t.same(asked('finish'), [])
  t.equal((await get('/login/github/callback?code=c', { ...HTML, ...mark({}) })).statusCode, 400, 'without a state')
  await get(CALLBACK, mark({}))
  t.equal(asked('finish').length, 1, 'a client that is no browser begins anew')
})

t.test('without a page for the account there is no link to it, and a person may have no name', async (t) => {
  const { get } = await serve(t, {
    accountUrl: undefined, outcome: { outcome: 'tokens', tokens: TOKENS, user: { ...USER, name: null } }
  })
  const page = await get(CALLBACK, HTML)
  t.notMatch(page.body, '<a ')
  t.match(page.body, '<p>You are signed in. Your account has no name yet.</p>')
  const mark = setCookies(page)['__Host-signet-signed-in'] ?? ''
  const again = await get(CALLBACK, { ...HTML, cookie: `__Host-signet-signed-in=${encodeURIComponent(mark)}` })
  t.same(hrefsOf(again.body), ['https://id/login'])
  t.equal(again.body.match(/<a /g)?.length, 1)
})

t.test('a callback of a login that this browser did not start is refused and counted', async (t) => {
  const strange = await serve(t, { completion: null })
  const { get } = await serve(t)
  for (const response of [
    await strange.get(CALLBACK), await get('/login/github/callback?code=c'), await get('/login/github/callback?state=x')
  ]) {
    t.match(response.json(), { status: 400, code: 'invalid_state', detail: /not started in this browser/ })
    t.equal(response.headers['cache-control'], 'no-store')
    t.same(setCookies(response), {})
  }
  t.match(strange.asked('metrics'), [['github', 'returned', { code: 'invalid_state' }]])
  const [[,, error] = []] = strange.asked('metrics')
  t.strictSame(originOf(error), { step: STAGE_STEPS.returned, provider: 'github' })
  const unknown = await get('/login/gone/callback?state=s')
  t.match(unknown.json(), { status: 404, code: 'unknown_provider', detail: 'There is no provider "gone" here.' })
})

t.test('an answer that cannot be read spends the attempt, and is counted', async (t) => {
  const { asked, get } = await serve(t)
  const response = await get(`${CALLBACK}&code=d`)
  t.match(response.json(), { status: 400, code: 'invalid_request' })
  t.same(setCookies(response), { 'login-s': '' })
  t.match(asked('metrics'), [['github', 'returned', { code: 'invalid_request' }]])
  t.same(asked('finish'), [])
})

t.test('a failure goes where the login would have gone', async (t) => {
  const error = new Problem('provider_error', 'words')
  const failed = async (completion: LoginCompletion, headers = {}, fault: Error = error) => {
    const { get } = await serve(t, { completion, error: fault })
    return await get(CALLBACK, headers)
  }
  for (const completion of [{ mode: 'direct' }, { mode: 'pages', returnTo: 'https://id/account' }] as const) {
    const response = await failed(completion)
    t.match(response.json(), { status: 502, code: 'provider_error' })
    t.same(setCookies(response), { 'login-s': '' })
    const page = await failed(completion, HTML)
    t.same(hrefsOf(page.body), ['https://id/login/github', 'https://id/login'])
  }
  const cookie = await failed({ mode: 'cookie', returnTo: 'https://app/x?error=old#y' })
  t.same([cookie.statusCode, cookie.headers['cache-control'], cookie.headers.location],
    [302, 'no-store', 'https://app/x?error=server_error&error_description=words+Request+req#y'])
  const code = await failed(CODE)
  t.equal(code.headers.location,
    'https://app/cb?error=server_error&error_description=words+Request+req&state=st&iss=https%3A%2F%2Fid')
  const device = await failed({ mode: 'device', deviceCodeHash: 'h', userCode: 'X', clientId: 'tv', scope: '' }, HTML)
  t.equal(device.statusCode, 502)
  t.same(hrefsOf(device.body), ['https://id/device'])

  const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
  t.same(setCookies(await failed(CODE, {}, away)), {}, 'nothing was spent: the callback may be loaded again')
})

t.test('a third party learns nothing of a person who has allowed it nothing', async (t) => {
  const consent = { fingerprint: 'f', isForced: false }
  for (const code of ['account_disabled', 'sign_up_closed', 'email_not_allowed'] as const) {
    const { get } = await serve(t, { completion: { ...CODE, consent }, error: new Problem(code) })
    t.match((await get(CALLBACK)).json(), { status: 403, code })
    const firstParty = await serve(t, { completion: CODE, error: new Problem(code) })
    t.equal((await firstParty.get(CALLBACK)).statusCode, 302)
  }
  const { get } = await serve(t, { completion: { ...CODE, consent }, error: new Problem('provider_error') })
  t.equal((await get(CALLBACK)).statusCode, 302, 'other errors are its own')
  const gone = await serve(t, { completion: CODE, error: new Problem('unknown_provider') })
  t.equal((await gone.get(CALLBACK)).statusCode, 404)
})

t.test('only a provider that answers by POST may', async (t) => {
  const { app, asked } = await serve(t)
  const post = (provider: string) => app.inject({
    method: 'POST',
    url: `/login/${provider}/callback`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'state=s&code=c&user=u'
  })
  const response = await post('apple')
  t.equal(response.statusCode, 200)
  t.match(asked('finish'), [[{ provider: 'apple' }, { code: 'c', user: 'u' }]])
  t.match(response.cookies, [{ name: 'login-s', value: '', sameSite: 'None' }])
  t.match((await post('github')).json(), { status: 404, detail: 'GitHub does not answer by POST.' })
  t.match((await post('gone')).json(), { status: 404, code: 'unknown_provider' })
})

t.test('a fragment that a provider adds goes no further', async (t) => {
  const world: World = { completion: CODE, outcome: { outcome: 'code', code: 'k' } }
  const { get } = await serve(t, world)
  const url = CALLBACK.replace('github', 'facebook')
  t.match((await get(url)).headers.location, /iss=https%3A%2F%2Fid#$/)
  t.notMatch((await get(CALLBACK)).headers.location, /#/)
  const other = await serve(t, { completion: { mode: 'cookie', returnTo: 'https://app/#own' } })
  t.equal((await other.get(url)).headers.location, 'https://app/#own')
  t.equal((await (await serve(t)).get(url)).statusCode, 200)
})
