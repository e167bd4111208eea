import t, { type Test } from 'tap'
import { rpLogoutRoutes } from '../../src/oauth2/logout.ts'
import { cookies, createPagesApp, createRecorder } from './pages.ts'

const HTML = { accept: 'text/html' }
const FORM = { ...HTML, 'content-type': 'application/x-www-form-urlencoded', origin: 'https://id' }
const COOKIE = { cookie: '__Host-signet-refresh=rt' }
const BYE = 'https://app/bye?x=1'
const caller = { ipAddress: '127.0.0.1', userAgent: 'lightMyRequest', requestId: 'req', clientId: null }

/** The logout endpoint on services that record their calls. `aud` is the client of the ID token. */
async function serve (t: Test, { aud = 'spa' as string | undefined, error }: { aud?: string, error?: Error } = {}) {
  const { calls, record } = createRecorder()
  const { app, clients } = await createPagesApp(t)
  app.decorate('readIdToken', async ({ body, query }: { body?: unknown, query?: unknown }) => {
    const { id_token_hint: hint } = (body ?? query) as { id_token_hint?: string }
    return hint === 'good' ? { aud, sid: 's' } as never : undefined
  })
  const sessions = { end: record('end', error ?? true), endByRefreshToken: record('endByRefreshToken', true) }
  const pageSessions = { end: async () => { calls.push(['endPages']) } }
  await app.register(rpLogoutRoutes, { issuerUrl: 'https://id', sessions, clients, cookies, pageSessions } as never)
  const get = (query: Record<string, string>, headers: object = {}) =>
    app.inject({ url: '/oauth2/logout', query, headers: { ...headers } })
  const post = (form: Record<string, string>, headers: object = {}) => app.inject({
    method: 'POST',
    url: '/oauth2/logout',
    payload: new URLSearchParams(form).toString(),
    headers: { ...FORM, ...headers }
  })
  return { app, calls, get, post }
}

t.test('an ID token ends its session, by GET and by POST, and the person goes back to the app', async (t) => {
  const { calls, get, post } = await serve(t)
  const hint = { id_token_hint: 'good', post_logout_redirect_uri: BYE }
  for (const send of [get, post]) {
    for (const [more, location] of [
      [{}, BYE], [{ state: 'a&b' }, `${BYE}&state=a%26b`], [{ client_id: 'spa' }, BYE]
    ] as const) {
      const { statusCode, headers } = await send({ ...hint, ...more })
      t.same([statusCode, headers.location, headers['cache-control']], [302, location, 'no-store'])
      t.same(calls.splice(0), [['end', 's', 'logout', caller]])
    }
  }
  const { statusCode, body, headers } = await get({ id_token_hint: 'good' })
  t.same([statusCode, headers['cache-control']], [200, 'no-store'])
  t.match(body, '<h1>Signed out</h1>')
  t.match(body, '<p>You can close this page.</p>')
})

t.test('a hint, client or URI that is not right ends nothing', async (t) => {
  const { calls, get } = await serve(t)
  const cases = [
    [{ id_token_hint: 'bad' }, /id_token_hint must be an ID token/],
    [{ id_token_hint: 'good', client_id: 'native' }, /id_token_hint must be an ID token/],
    [{ id_token_hint: 'good', post_logout_redirect_uri: 'https://app/bye' }, /is not registered for the client "spa"/],
    [{ client_id: 'nobody' }, /There is no client "nobody" here/],
    [{ post_logout_redirect_uri: BYE }, /needs an id_token_hint or a client_id/],
    [{ client_id: 'native', post_logout_redirect_uri: BYE }, /is not registered for the client "native"/],
    [{}, /id_token_hint is missing/]
  ] as const
  for (const [parameters, detail] of cases) {
    const { statusCode, headers, body } = await get(parameters, COOKIE)
    t.same([statusCode, headers['cache-control'], headers.location], [400, 'no-store', undefined])
    const problem = JSON.parse(body)
    t.match(problem, { code: 'invalid_request', detail, error: 'invalid_request' })
    t.match(problem.error_description, detail.source.includes('"') ? /here|registered/ : detail)
  }
  const gone = await serve(t, { aud: 'gone' })
  t.equal((await gone.get({ id_token_hint: 'good' })).statusCode, 400, 'the client of the token is there no more')
  t.same([...calls, ...gone.calls], [])
})

t.test('each parameter has a maximum length', async (t) => {
  const { get, post } = await serve(t)
  const maximum = {
    id_token_hint: 8192, post_logout_redirect_uri: 1000, state: 1024, client_id: 200, confirmed: 10
  }
  for (const [name, length] of Object.entries(maximum)) {
    for (const send of [get, post]) {
      const code = async (value: string) => JSON.parse((await send({ [name]: value }, { accept: '*/*' })).body).code
      t.equal(await code('x'.repeat(length)), 'invalid_request', name)
      t.equal(await code('x'.repeat(length + 1)), 'validation_failed', name)
    }
  }
})

t.test('without a hint a page asks, and its form signs this browser out', async (t) => {
  const { calls, get, post } = await serve(t)
  const asked = { client_id: 'spa', post_logout_redirect_uri: BYE, state: '"<x>' }
  const { statusCode, headers, body } = await get(asked, { ...HTML, ...COOKIE })
  t.same([statusCode, headers['cache-control'], headers['referrer-policy']], [200, 'no-store', 'same-origin'])
  t.match(headers['content-security-policy'], /form-action 'self' https:$/)
  t.match(body, /<p>[^<]*The app[^<]*The service/)
  t.match(body, '<form method="post" action="https://id/oauth2/logout">')
  t.match(body, /<a href="https:\/\/app\/">[^<]*The app/)
  const fields = [...body.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)]
  t.strictSame(Object.fromEntries(fields.map(([, name, value]) => [name, value])), {
    client_id: 'spa', post_logout_redirect_uri: BYE, state: '&quot;&lt;x&gt;', confirmed: 'yes'
  })
  t.same(calls, [], 'a question ends nothing')

  const form = { ...asked, state: 's', confirmed: 'yes' }
  const done = await post(form, COOKIE)
  t.same([done.statusCode, done.headers.location, done.headers['cache-control']], [302, `${BYE}&state=s`, 'no-store'])
  t.same(calls.splice(0), [['endByRefreshToken', 'rt', 'logout', caller], ['endPages']])
  t.match(done.cookies, [{ name: '__Host-signet-refresh', value: '', path: '/', secure: true }])
  t.equal((await post(form)).statusCode, 302)
  t.same(calls.splice(0), [['endPages']], 'without a cookie there is no session to end')

  const unconfirmed: [string, Record<string, string>, object][] = [
    ['another site', form, { ...COOKIE, origin: 'https://evil' }],
    ['no answer', { ...form, confirmed: 'no' }, COOKIE],
    ['no form', { ...asked }, COOKIE]
  ]
  for (const [what, fields, headers] of unconfirmed) {
    const again = await post(fields, headers)
    t.same([again.statusCode, again.cookies], [200, []], what)
    t.match(again.body, /<form method="post"/)
  }
  const byGet = await get(form, { ...HTML, ...COOKIE, origin: 'https://id' })
  t.match(byGet.body, /<form method="post"/, 'a link does not confirm')
  t.same(calls, [])
})

t.test('without a client the page asks for the service alone, and offers no way back', async (t) => {
  const { get } = await serve(t)
  const { body, headers } = await get({}, HTML)
  t.match(body, /<p>[^<]*The service/)
  t.notMatch(body, 'The app')
  t.match(body, '/oauth2/logout"><input type="hidden" name="confirmed" value="yes">\n')
  t.match(body, '</form>\n</main>')
  t.strictSame([...body.matchAll(/<input type="hidden" name="(\w+)"/g)].map(([, name]) => name), ['confirmed'])
  t.match(headers['content-security-policy'], /form-action 'self'$/)
  t.notMatch((await get({ client_id: 'native' }, HTML)).body, /<a href/, 'a native app has no page to go back to')
})

t.test('a mistake is a page with a way to sign out; a fault of the server has the usual page', async (t) => {
  const { get } = await serve(t)
  const mistake = await get({ id_token_hint: 'bad' }, HTML)
  t.equal(mistake.statusCode, 400)
  t.match(mistake.body, '<h1>You are not signed out</h1>')
  t.match(mistake.body, '<p role="alert">The app that sent you here made a mistake. You can sign out here.</p>')
  t.match(mistake.body, /<a[^>]* href="https:\/\/id\/oauth2\/logout">/)
  const wrongUri = await get({ id_token_hint: 'good', post_logout_redirect_uri: 'https://x' }, HTML)
  t.match(wrongUri.body, /<a[^>]* href="https:\/\/app\/">/, 'the app that sent the person')
  const broken = await serve(t, { error: new Error('a secret') })
  const fault = await broken.get({ id_token_hint: 'good' }, HTML)
  t.equal(fault.statusCode, 500)
  t.notMatch(fault.body, 'You are not signed out')
  t.notMatch(fault.body, 'a secret')
})

t.test('HEAD asks for nothing', async (t) => {
  const { app } = await serve(t)
  t.equal((await app.inject({ method: 'HEAD', url: '/oauth2/logout' })).statusCode, 404)
})
