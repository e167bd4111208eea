import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser, type BrowserResponse } from '../../fakes/browser.ts'
import { idTokenFrom } from '../../fakes/oidc-app.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { slow } from '../../slow.ts'
import { setupWithClients, type Parameters } from '../setup-with-clients.ts'

// A person is asked to prove again who they are. The session that their browser has at the provider must not do it.

const HOUR = 3600

async function world (t: Test) {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  acme.person({ sub: 'jane', email: 'jane@example.com', email_verified: true })
  const signet = await setupWithClients(t, {
    ...acme.settings('acme', { emailTrusted: true }), ALLOWED_ORIGINS: 'https://app.example.com'
  })
  const { url } = signet
  const login = (query = '') => createBrowser(url).login(`/login/acme${query}`)
  const signIn = (more: Parameters = {}) => signet.signIn({ provider: 'acme', ...more })
  const lastRequest = () => acme.calls(acme.paths.authorize).at(-1)?.query as Record<string, unknown>
  const remove = async (accessToken: string) => (await fetch(`${url}/me`, {
    method: 'DELETE', headers: { authorization: `Bearer ${accessToken}` }
  })).status
  return { ...signet, acme, login, signIn, lastRequest, remove }
}

const authTime = (token: string) => decodeJwt(token)['auth_time'] as number
const age = (token: string) => Math.round(Date.now() / 1000) - authTime(token)
const accessTokenOf = (response: BrowserResponse) => response.json().access_token as string
const unescape = (html: string) => html.replaceAll('&amp;', '&')
const errorOf = (response: BrowserResponse) =>
  Object.fromEntries(new URL(response.location ?? 'about:blank').searchParams)

for (const asked of [{ max_age: '60' }, { prompt: 'login' }, { max_age: '0', prompt: 'login consent' }]) {
  t.test(`wanted: a step-up that an old session at the provider answers: ${JSON.stringify(asked)}`, async (t) => {
    const { acme, login, signIn, lastRequest } = await world(t)
    acme.sayAuthTime()
    acme.signedInBefore(HOUR)
    const query = `?${new URLSearchParams(asked)}`
    for (const visit of ['first', 'second']) {
      const tokens = await signIn(asked)
      t.match(lastRequest(), asked)
      t.ok(age(tokens.access_token) < 10, `the ${visit} visit is a new sign-in`)
      t.equal(authTime(tokens.id_token), authTime(tokens.access_token))
      t.ok(age(accessTokenOf(await login(query))) < 10)
      t.match(lastRequest(), asked)
    }
  })
}

t.test('wanted: a step-up at a provider that ignores max_age', async (t) => {
  const { url, sql, acme, login, authorize } = await world(t)
  acme.signedInBefore(HOUR, { ignore: true })
  t.match(Object.fromEntries((await authorize({ provider: 'acme', max_age: '60' })).location.searchParams), {
    error: 'server_error', error_description: /longer ago than max_age allows/, iss: url
  })
  const direct = await login('?max_age=60')
  t.match([direct.status, direct.json()], [502, { code: 'provider_error', detail: /max_age/ }])
  const returnTo = encodeURIComponent('https://app.example.com/')
  t.match(errorOf(await login(`?max_age=60&return_to=${returnTo}`)), { error: 'server_error' })
  t.equal((await sql.query('SELECT 1 FROM sessions')).rowCount, 0)
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 0)

  const enough = await login(`?max_age=${HOUR + 60}`)
  t.equal(enough.status, 200)
  t.ok(age(accessTokenOf(enough)) >= HOUR, 'and where it is recent enough, auth_time is the provider\'s')
  const ignored = await login('?prompt=login')
  t.equal(ignored.status, 200)
  t.ok(age(accessTokenOf(ignored)) < 10, 'it does not say: the time of its answer counts')
  acme.sayAuthTime()
  t.ok(age(accessTokenOf(await login('?prompt=login'))) >= HOUR, 'a provider that ignores prompt=login')
})

slow.test('wanted: the ten minutes of a recent sign-in, by a sign-in that asked the person for nothing', async (t) => {
  const { sql, acme, login, remove, refresh } = await world(t)
  acme.sayAuthTime()
  acme.signedInBefore(HOUR)
  for (const visit of ['first', 'second']) {
    const { access_token: accessToken, refresh_token: refreshToken } = (await login()).json()
    t.ok(age(accessToken) >= HOUR, `${visit}: auth_time is that of the session at the provider`)
    t.equal(await remove(accessToken), 403)
    const { body } = await refresh(refreshToken, {})
    t.equal(authTime(body.access_token), authTime(accessToken))
  }
  const { rows } = await sql.query('SELECT authenticated_at AS since, created_at AS now FROM sessions')
  for (const { since, now } of rows) t.ok(now - since >= (HOUR - 5) * 1000)
  t.equal(await remove(accessTokenOf(await login('?max_age=600'))), 204)
})

t.test('wanted: the ten minutes, by an ID token that an app got half an hour ago', async (t) => {
  const { acme, token, remove } = await world(t)
  const now = Math.floor(Date.now() / 1000)
  const claims = [{ iat: now - 1800 }, { auth_time: now - 1700, iat: now - 5 }, { auth_time: now - 1700 }]
  const accessTokens: string[] = []
  for (const one of claims) {
    acme.idToken({ claims: one })
    const { status, body } = await token({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: await idTokenFrom(acme),
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      provider: 'acme',
      client_id: 'spa'
    })
    t.equal(status, 200)
    t.ok(age(body.access_token) >= 1700, JSON.stringify(one))
    accessTokens.push(body.access_token)
  }
  for (const accessToken of accessTokens) t.equal(await remove(accessToken), 403)
})

t.test('wanted: a sign-in from the future, or from no time', async (t) => {
  const { acme, login } = await world(t)
  await login()
  const now = Math.floor(Date.now() / 1000)
  for (const claim of [now + HOUR, now * 1000, `${now - HOUR}`, null, -1, 0, 1e300, {}, undefined]) {
    acme.idToken({ claims: { auth_time: claim } })
    for (const query of ['', '?max_age=60', '?prompt=login']) {
      const response = await login(query)
      t.equal(response.status, 200, `${JSON.stringify(claim)} ${query}`)
      t.ok(Math.abs(age(accessTokenOf(response))) < 10, 'the time of the answer counts')
    }
  }
})

t.test('wanted: to set what Signet asks the provider', async (t) => {
  const { url, lastRequest, login, authorize, acme } = await world(t)
  const HANDED_ON = {
    prompt: 'select_account consent',
    login_hint: 'jöhn@example.com&state=mine#?',
    max_age: '900',
    ui_locales: 'de-CH fr',
    acr_values: 'urn:mace:incommon:iap:silver phr'
  }
  const foreign = {
    client_id: 'mine',
    redirect_uri: 'https://evil.example/',
    scope: 'everything',
    state: 'mine',
    nonce: 'mine',
    response_type: 'token',
    response_mode: 'fragment',
    code_challenge: 'mine',
    code_challenge_method: 'plain',
    display: 'popup',
    id_token_hint: 'mine',
    claims: '{}',
    request: 'mine',
    hd: 'evil.example',
    access_type: 'offline'
  }
  await login()
  const usual = lastRequest()
  await login(`?${new URLSearchParams({ ...foreign, ...HANDED_ON })}`)
  const asked = lastRequest()
  t.match(asked, HANDED_ON)
  t.same(Object.keys(asked).sort(), [...Object.keys(usual), ...Object.keys(HANDED_ON)].sort())
  for (const name of Object.keys(foreign)) {
    if (!['state', 'nonce', 'code_challenge'].includes(name)) t.same(asked[name], usual[name], name)
    t.not(asked[name], 'mine', name)
  }
  await authorize({ provider: 'acme', ...HANDED_ON, display: 'popup', hd: 'evil.example', claims: '{}' })
  t.match(lastRequest(), HANDED_ON)
  t.same(Object.keys(lastRequest()).sort(), Object.keys(asked).sort())
  t.match(lastRequest()['redirect_uri'], `${url}/login/acme/callback`)
  t.equal(acme.calls(acme.paths.authorize).length, 3)
})

t.test('a prompt, a max_age or a hint that is none is refused before the provider is asked', async (t) => {
  const { url, acme, ask } = await world(t)
  const long = 'x'.repeat(600)
  const cases: [Parameters, string?][] = [
    [{ prompt: 'none' }, 'login_required'],
    [{ prompt: 'none login' }],
    [{ prompt: 'none nonsense' }],
    [{ prompt: 'nonsense' }],
    [{ prompt: 'login nonsense' }],
    [{ prompt: 'create' }],
    [{ prompt: 'LOGIN' }],
    [{ prompt: 'toString' }],
    [{ prompt: long }],
    [{ max_age: '-1' }],
    [{ max_age: '1.5' }],
    [{ max_age: '60s' }],
    [{ max_age: '9'.repeat(17) }],
    [{ login_hint: long }],
    [{ login_hint: 'a\nb' }],
    [{ ui_locales: long }],
    [{ ui_locales: 'dé' }],
    [{ acr_values: long }]
  ]
  for (const [parameters, error = 'invalid_request'] of cases) {
    const response = await ask({ provider: 'acme', ...parameters })
    const location = new URL(response.headers.get('location') ?? 'about:blank')
    t.equal(location.searchParams.get('error'), error, JSON.stringify(parameters))
    const query = new URLSearchParams(parameters as Record<string, string>)
    const direct = await fetch(`${url}/login/acme?${query}`, { redirect: 'manual' })
    t.match([direct.status, await direct.json()], [400, { code: 'invalid_request' }], JSON.stringify(parameters))
    query.set('return_to', 'https://app.example.com/')
    const cookie = await fetch(`${url}/login/acme?${query}`, { redirect: 'manual' })
    t.match(cookie.headers.get('location'), /^https:\/\/app\.example\.com\/\?error=invalid_request&/)
  }
  const twice = await fetch(`${url}/login/acme?prompt=login&prompt=consent`, { redirect: 'manual' })
  t.equal(twice.status, 400)
  t.equal(acme.calls(acme.paths.authorize).length, 0)
})

t.test('the links of GET /login hand on what it was asked with, and nothing else', async (t) => {
  const { url } = await world(t)
  const asked = { return_to: 'https://app.example.com/a?b=c', prompt: 'login', login_hint: '"><b>', max_age: '60' }
  const query = `?${new URLSearchParams({ ...asked, state: 'mine', client_id: 'mine' })}`
  const { providers } = (await createBrowser(url).get(`/login${query}`)).json()
  for (const { loginUrl } of providers) t.same(Object.fromEntries(new URL(loginUrl).searchParams), asked)
  const { text } = await createBrowser(url).get(`/login${query}`, { headers: { accept: 'text/html' } })
  const links = [...text.matchAll(/href="([^"]*\/login\/[^"]*)"/g)].map(([, href = '']) => unescape(href))
  t.equal(links.length, providers.length)
  for (const href of links) t.same(Object.fromEntries(new URL(href).searchParams), asked)
  const plain = (await createBrowser(url).get('/login')).json().providers
  t.same(plain.map(({ loginUrl }: { loginUrl: string }) => loginUrl), [`${url}/login/github`, `${url}/login/acme`])
})
