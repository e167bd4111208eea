import { request } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { GITHUB_PATHS, startFakeGitHub, type FakeGitHubOptions } from './github.ts'
import { createPkce } from './pkce.ts'

const REDIRECT_URI = 'http://localhost:3000/login/github/callback'

async function setup (t: Test, options: FakeGitHubOptions = {}) {
  const github = await startFakeGitHub(options)
  t.teardown(github.close)
  const pkce = createPkce()

  async function authorize (parameters: Record<string, string> = {}) {
    const query = new URLSearchParams({
      client_id: github.clientId,
      redirect_uri: REDIRECT_URI,
      scope: 'read:user user:email',
      state: 'the-state',
      code_challenge: pkce.challenge,
      code_challenge_method: 'S256',
      ...parameters
    })
    const response = await fetch(`${github.settings['GITHUB_AUTHORIZATION_URL']}?${query}`, { redirect: 'manual' })
    const location = response.headers.get('location')
    return {
      status: response.status,
      location,
      callback: location ? Object.fromEntries(new URL(location).searchParams) : {}
    }
  }

  function form (code: string | undefined, parameters: Record<string, string> = {}) {
    return new URLSearchParams({
      client_id: github.clientId,
      client_secret: github.clientSecret,
      code: code ?? '',
      redirect_uri: REDIRECT_URI,
      code_verifier: pkce.verifier,
      ...parameters
    })
  }

  async function exchange (body: URLSearchParams, headers: Record<string, string> = {}) {
    return await fetch(github.settings['GITHUB_TOKEN_URL'] ?? '', {
      method: 'POST',
      headers: { accept: 'application/json', ...headers },
      body
    })
  }

  async function logIn (parameters: Record<string, string> = {}) {
    const { callback } = await authorize(parameters)
    const tokens: any = await (await exchange(form(callback['code']))).json()
    return async (path: string) => {
      const response = await fetch(github.settings['GITHUB_API_URL'] + path, {
        headers: { authorization: `Bearer ${tokens.access_token}` }
      })
      return {
        status: response.status,
        scopes: response.headers.get('x-oauth-scopes'),
        body: (await response.json()) as any
      }
    }
  }

  return { github, pkce, authorize, form, exchange, logIn }
}

t.test('signs a person in', async (t) => {
  const { github, authorize, form, exchange, logIn } = await setup(t)
  const { status, location, callback } = await authorize()
  t.equal(status, 302)
  t.ok(location?.startsWith(`${REDIRECT_URI}?`))
  t.equal(callback['state'], 'the-state')
  const response = await exchange(form(callback['code']))
  t.equal(response.status, 200)
  t.match(await response.json(), { access_token: /^gho_/, scope: 'read:user,user:email', token_type: 'bearer' })

  github.user({ id: 7, login: 'ada', email: null, role: 'admin' })
  const get = await logIn()
  t.match(await get('/user'), {
    status: 200,
    scopes: 'read:user, user:email',
    body: { id: 7, login: 'ada', email: null, type: 'User', role: 'admin' }
  })
  t.strictSame((await get('/user/emails')).body, [
    { email: 'ada@example.com', primary: true, verified: true, visibility: 'private' }
  ])
  t.strictSame(github.unexpected(), [])
})

t.test('keeps the person of a login that is under way', async (t) => {
  const { github, logIn } = await setup(t)
  github.user({ id: 1 })
  const first = await logIn()
  github.user({ id: 2 })
  const second = await logIn()
  t.strictSame([(await first('/user')).body.id, (await second('/user')).body.id], [1, 2])
})

t.test('answers a profile of any shape', async (t) => {
  const { github, logIn } = await setup(t)
  for (const id of [0, null, {}, 'text', '']) {
    github.user({ id })
    t.strictSame((await (await logIn())('/user')).body.id, id)
  }
  github.user({ id: undefined, emails: 'none' })
  const get = await logIn()
  t.notOk('id' in (await get('/user')).body)
  t.equal((await get('/user/emails')).body, 'none')
  github.user(JSON.parse('{"__proto__":{"role":"admin"}}'))
  t.ok(Object.hasOwn((await (await logIn())('/user')).body, '__proto__'))
  github.fault(GITHUB_PATHS.user, { kind: 'json', value: [] })
  t.strictSame((await get('/user')).body, [])
})

t.test('exchanges a code once, for its client, redirect URI and verifier only', async (t) => {
  const { github, authorize, form, exchange } = await setup(t)
  const code = async () => (await authorize()).callback['code']
  const error = async (body: URLSearchParams, headers?: Record<string, string>) => {
    const response = await exchange(body, headers)
    t.equal(response.status, 200, 'errors come as 200')
    return ((await response.json()) as any).error
  }
  const spent = await code()
  await exchange(form(spent))
  t.equal(await error(form(spent)), 'bad_verification_code')
  t.equal(await error(form(await code(), { client_secret: 'wrong' })), 'incorrect_client_credentials')
  t.equal(await error(form(await code(), { client_id: 'wrong' })), 'incorrect_client_credentials')
  t.equal(await error(form(await code(), { redirect_uri: 'http://localhost:3000/other' })), 'redirect_uri_mismatch')
  t.equal(await error(form(await code(), { code_verifier: createPkce().verifier })), 'bad_verification_code')
  const withoutVerifier = form(await code())
  withoutVerifier.delete('code_verifier')
  t.equal(await error(withoutVerifier), 'bad_verification_code')
  const withBasic = form(await code())
  withBasic.delete('client_id')
  withBasic.delete('client_secret')
  t.equal(
    await error(withBasic, { authorization: `Basic ${btoa(`${github.clientId}:${github.clientSecret}`)}` }),
    undefined
  )
})

t.test('answers form-encoded to those who do not ask for JSON', async (t) => {
  const { authorize, form, exchange } = await setup(t)
  const failed = await exchange(form('nonsense'), { accept: '*/*' })
  t.match(failed.headers.get('content-type'), 'application/x-www-form-urlencoded')
  t.equal(new URLSearchParams(await failed.text()).get('error'), 'bad_verification_code')
  const { callback } = await authorize()
  t.match(
    new URLSearchParams(await (await exchange(form(callback['code']), { accept: '*/*' })).text()).get('access_token'),
    /^gho_/
  )
})

t.test('sends the person back with the configured error', async (t) => {
  const { github, authorize } = await setup(t)
  github.deny()
  t.match((await authorize()).callback, {
    error: 'access_denied',
    error_description: 'The user has denied your application access.',
    state: 'the-state',
    code: undefined
  })
  github.deny('application_suspended', 'Your application has been suspended.')
  t.equal((await authorize()).callback['error'], 'application_suspended')
  github.allow()
  t.ok((await authorize()).callback['code'])
})

t.test('does not redirect for an unknown client or a bad request', async (t) => {
  const { authorize } = await setup(t)
  t.match(await authorize({ client_id: 'wrong' }), { status: 404, location: null })
  t.match(await authorize({ redirect_uri: 'nonsense' }), { status: 400, location: null })
  t.match(await authorize({ code_challenge_method: 'plain' }), { status: 400, location: null })
})

t.test('sends foreign redirect URIs to the registered callback', async (t) => {
  const { authorize } = await setup(t, { callbackUrl: 'http://localhost:3000/login' })
  t.ok((await authorize()).callback['code'])
  for (const redirectUri of [
    'http://localhost:3001/login',
    'http://localhost:3000/login-not',
    'http://evil.example/login'
  ]) {
    const { location, callback } = await authorize({ redirect_uri: redirectUri })
    t.ok(location?.startsWith('http://localhost:3000/login?'))
    t.equal(callback['error'], 'redirect_uri_mismatch')
  }
})

t.test('shows emails by scope and as configured', async (t) => {
  const { github, logIn } = await setup(t)
  t.match(await (await logIn({ scope: 'read:user' }))('/user/emails'), { status: 404, body: { message: 'Not Found' } })
  github.grantScope('read:user')
  t.equal((await (await logIn())('/user/emails')).status, 404)
  github.grantScope(undefined)
  const get = await logIn()
  github.emails(404)
  t.match(await get('/user/emails'), { status: 404, body: { message: 'Not Found' } })
  github.emails(403)
  t.match(await get('/user/emails'), { status: 403, body: { message: 'Resource not accessible by integration' } })
  github.emails(200)
  t.equal((await get('/user/emails')).status, 200)
})

t.test('wants a token and a User-Agent', async (t) => {
  const { github } = await setup(t)
  const url = `${github.url}${GITHUB_PATHS.user}`
  const none = await fetch(url)
  t.equal(none.status, 401)
  t.match(await none.json(), { message: 'Requires authentication' })
  const bad = await fetch(url, { headers: { authorization: 'token gho_nonsense' } })
  t.equal(bad.status, 401)
  t.match(await bad.json(), { message: 'Bad credentials', status: '401' })
  // fetch always sends a User-Agent; node:http does not.
  const anonymous = request(url, { agent: false }).end()
  const [response] = await once(anonymous, 'response')
  t.equal(response.statusCode, 403)
  t.match(await text(response), 'User-Agent')
})

t.test('forgets the tokens of a grant that its client deletes', async (t) => {
  const { github, authorize, form, exchange } = await setup(t)
  const { callback } = await authorize()
  const { access_token: accessToken }: any = await (await exchange(form(callback['code']))).json()
  const deleteGrant = async (secret: string) =>
    (
      await fetch(`${github.url}/api/v3/applications/${github.clientId}/grant`, {
        method: 'DELETE',
        headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(`${github.clientId}:${secret}`)}` },
        body: JSON.stringify({ access_token: accessToken })
      })
    ).status
  t.equal(await deleteGrant('wrong'), 404)
  t.equal(await deleteGrant(github.clientSecret), 204)
  t.equal(
    (await fetch(`${github.url}${GITHUB_PATHS.user}`, { headers: { authorization: `Bearer ${accessToken}` } })).status,
    401
  )
})
