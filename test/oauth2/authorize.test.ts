import t, { type Test } from 'tap'
import { originOf } from '../../src/http/failure-origin.ts'
import { authorizeRoutes } from '../../src/oauth2/authorize.ts'
import { STAGE_STEPS } from '../../src/sign-in/login-stage.ts'
import { createResources } from '../../src/tokens/resources.ts'
import { cookies, createPagesApp, createRecorder } from './pages.ts'

const HTML = { accept: 'text/html' }
const REQUEST = {
  response_type: 'code',
  client_id: 'spa',
  redirect_uri: 'https://app/cb',
  code_challenge: 'c'.repeat(43),
  code_challenge_method: 'S256',
  state: 'st',
  scope: 'openid'
}
const ALL = [{ id: 'github', name: 'GitHub', formPost: false }, { id: 'acme', name: 'Acme', formPost: true }]

interface World { error?: Error, tooMany?: Error, providers?: typeof ALL }

/** The authorization endpoint on services that record their calls. */
async function serve (t: Test, { error, tooMany, providers = ALL }: World = {}) {
  const { calls, record } = createRecorder()
  const { app, clients } = await createPagesApp(t)
  app.decorate('limits', { signIn: { count: record('count', tooMany) } } as never)
  const started = { url: 'https://acme/authorize', cookie: { name: 'login', value: 'sealed' }, provider: ALL[1] }
  await app.register(authorizeRoutes, {
    issuerUrl: 'https://id',
    clients,
    providers: new Map(providers.map((provider) => [provider.id, provider])),
    signIn: { start: record('start', error ?? started) },
    attempts: { surplus: () => [] },
    cookies,
    resources: createResources([{ resource: 'https://api.example.com', name: 'The API' }])
  } as never)
  const get = (more: Record<string, string | undefined> = {}, headers = {}) => {
    const given = Object.entries({ ...REQUEST, ...more }).filter(([, value]) => value !== undefined)
    return app.inject({ url: `/oauth2/authorize?${new URLSearchParams(given as [string, string][])}`, headers })
  }
  return { app, calls, get }
}

/** The parameters that a redirect brings back to the client. */
const broughtBack = (location: unknown) => Object.fromEntries(new URL(String(location)).searchParams)

t.test('a request goes on to its provider, by GET and by POST', async (t) => {
  const { app, calls, get } = await serve(t)
  const byPost = () => app.inject({
    method: 'POST',
    url: '/oauth2/authorize',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: `${new URLSearchParams({ ...REQUEST, provider: 'acme', prompt: 'login' })}`
  })
  for (const send of [() => get({ provider: 'acme', prompt: 'login' }), byPost]) {
    const { statusCode, headers, cookies: [cookie] } = await send()
    t.same([statusCode, headers.location], [302, 'https://acme/authorize'])
    t.equal(headers['cache-control'], 'no-store')
    t.match(cookie, { name: 'login', value: 'sealed', sameSite: 'None' })
    const completion = {
      mode: 'code',
      intent: undefined,
      clientId: 'spa',
      redirectUri: 'https://app/cb',
      state: 'st',
      responseMode: undefined,
      codeChallenge: REQUEST.code_challenge,
      scope: 'openid',
      nonce: undefined,
      dpopJkt: undefined,
      consent: undefined
    }
    t.same(calls.splice(0), [
      ['count', 'start:127.0.0.1'], ['start', 'acme', completion, {
        prompt: ['login'], maxAge: undefined, loginHint: undefined, uiLocales: undefined, acrValues: undefined
      }]
    ])
  }
})

t.test('a mistake in the client or the redirect URI is told to the person, and goes nowhere', async (t) => {
  const { calls, get } = await serve(t)
  const cases: [Record<string, string | undefined>, RegExp, boolean][] = [
    [{ client_id: undefined }, /client_id is missing/, false],
    [{ client_id: 'nobody' }, /There is no client "nobody" here.*CLIENTS setting.*clients add/, false],
    [{ redirect_uri: undefined }, /redirect_uri is missing/, true],
    [{ redirect_uri: 'https://app/x' }, /"https:\/\/app\/x" is not registered for the client "spa": the path/, true]
  ]
  for (const [more, detail, hasWayBack] of cases) {
    const { statusCode, headers, body } = await get(more)
    t.same([statusCode, headers.location], [400, undefined])
    const problem = JSON.parse(body)
    t.match(problem, { code: 'invalid_request', detail, error: 'invalid_request' })
    t.equal(problem.error_description, problem.detail.replaceAll('"', "'"))
    const page = await get(more, HTML)
    t.equal(page.statusCode, 400)
    t.match(page.body, '<h1>This sign-in cannot start</h1>')
    t.equal(page.body.includes('href="https://app/"'), hasWayBack)
  }
  t.same(calls, [])
})

t.test('any other mistake goes to the client', async (t) => {
  const { calls, get } = await serve(t)
  for (const [more, error, description] of [
    [{ scope: 'é' }, 'invalid_scope', /printable ASCII/],
    [{ provider: 'gone' }, 'invalid_request', /^There is no provider 'gone' here/],
    [{ prompt: 'none' }, 'login_required', /./]
  ] as const) {
    const { statusCode, headers } = await get(more)
    t.same([statusCode, headers['cache-control']], [302, 'no-store'])
    t.match(headers.location, /^https:\/\/app\/cb\?/)
    t.match(broughtBack(headers.location), { error, error_description: description, state: 'st', iss: 'https://id' })
  }
  t.same(calls, [], 'no provider was asked')
  const byForm = await get({ scope: 'é', response_mode: 'form_post' })
  t.equal(byForm.statusCode, 200)
  t.match(byForm.body, '<form method="post" action="https://app/cb">')
})

t.test('a fault of ours goes to the client without its words, with the id of the request', async (t) => {
  const error = new Error('a secret')
  const { get } = await serve(t, { error })
  t.match(broughtBack((await get({ provider: 'acme' })).headers.location), {
    error: 'server_error', error_description: 'Something went wrong here. Request req'
  })
  t.strictSame(originOf(error), { step: STAGE_STEPS.started, mode: 'code', clientId: 'spa' })
})

t.test('a limit that was reached goes to the client, and no provider is asked', async (t) => {
  const { calls, get } = await serve(t, { tooMany: new Error('too many') })
  t.match(broughtBack((await get({ provider: 'acme' })).headers.location), { error: 'server_error' })
  t.same(calls.map(([name]) => name), ['count'])
})

t.test('without a provider a page offers all of them, and the way back', async (t) => {
  const { calls, get } = await serve(t)
  const { statusCode, headers, body, cookies: set } = await get({}, { cookie: '__Host-signet-provider=acme' })
  t.same([statusCode, headers['cache-control'], set], [200, 'no-store', []])
  t.match(body, '<h1>Sign in to The app</h1>')
  t.match(body, '<header><span>The app</span></header>')
  const links = [...body.matchAll(/href="\?([^"]*)"/g)]
    .map(([, query = '']) => new URLSearchParams(query.replaceAll('&amp;', '&')))
  t.same(links.map((query) => query.get('provider')), ['acme', 'github'], 'the one that was used last comes first')
  t.strictSame(Object.fromEntries(links[0] ?? []), { ...REQUEST, provider: 'acme' })
  const [, cancel = ''] = /href="(https:\/\/app\/cb[^"]*)"/.exec(body) ?? []
  t.match(broughtBack(cancel.replaceAll('&amp;', '&')), { error: 'access_denied', state: 'st', iss: 'https://id' })
  t.match(headers['content-security-policy'], /form-action 'self'$/)
  t.match(body, '</h1>\n<ul class="providers">', 'without a notice')
  const byForm = await get({ response_mode: 'form_post' })
  t.match(byForm.headers['content-security-policy'], /form-action 'self' https:$/)
  t.match(byForm.body, '<form method="post" action="https://app/cb">')
  t.same(calls, [])
  t.match((await (await serve(t, { providers: [] })).get()).body, '<p>It is not possible to sign in here yet.</p>')
})

t.test('for a native app a person clicks first, on a page that says so', async (t) => {
  const { calls, get } = await serve(t)
  const native = { client_id: 'native', redirect_uri: 'com.example.app:/cb', provider: 'acme' }
  const { statusCode, body, cookies: [secret] } = await get(native, HTML)
  t.equal(statusCode, 200)
  t.match(secret, { name: '__Host-signet-confirmation', value: /^[\w-]{43}$/ })
  const links = [...body.matchAll(/href="(\?[^"]*)"/g)].map(([, query = '']) => query.replaceAll('&amp;', '&'))
  t.equal(links.length, 1, 'the named provider alone')
  t.match(body, /on this device/)
  t.same(calls, [])
  const click = Object.fromEntries(new URLSearchParams(links[0]))
  t.equal((await get(click, { ...HTML, cookie: `${secret?.name}=${secret?.value}` })).statusCode, 302)
  t.equal((await get(click, HTML)).statusCode, 200, 'another browser is asked again')
  t.equal((await get(native)).statusCode, 302, 'a client that is no browser is not asked')
})

t.test('for a third party the page names it and its host, under the name of the service', async (t) => {
  const { calls, get } = await serve(t)
  const agent = { client_id: 'agent', redirect_uri: 'https://agent/cb' }
  const { body, statusCode, headers } = await get({ ...agent, resource: 'https://api.example.com' }, HTML)
  t.equal(statusCode, 200)
  t.match(body, '<header><span>The service</span></header>')
  t.match(body, /<h1>Sign in<\/h1>\s*<p><strong>[^<]*The agent[^<]*<\/strong><br>[^<]*agent\.example\.com/)
  t.match(headers['content-security-policy'], /form-action 'self'$/)
  t.match(broughtBack((await get(agent)).headers.location), { error: 'invalid_target' })
  t.same(calls, [])
})

t.test('a client that cannot be looked up is told to the person: why, or only that it failed', async (t) => {
  const { get } = await serve(t)
  const unreadable = await get({ client_id: 'unreadable' })
  t.match(unreadable.json(), { status: 400, code: 'invalid_request', detail: 'The document cannot be read.' })
  const broken = await get({ client_id: 'broken' }, HTML)
  t.equal(broken.statusCode, 500)
  t.notMatch(broken.body, /a secret|This sign-in cannot start/)
})

t.test('HEAD starts nothing', async (t) => {
  const { app, calls } = await serve(t)
  const query = { ...REQUEST, provider: 'acme' }
  t.equal((await app.inject({ method: 'HEAD', url: '/oauth2/authorize', query })).statusCode, 404)
  t.same(calls, [])
})
