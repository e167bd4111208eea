import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { createOAuthClient } from '../../src/providers/oauth-client.ts'
import { eventually, race, readJson, setup, shortenProviderTimeout } from '../helper.ts'
import { slow } from '../slow.ts'

async function world (t: Test, environment: Record<string, string> = {}) {
  const acme = await startFakeOidc()
  const github = await startFakeGitHub()
  t.teardown(() => Promise.all([acme.close(), github.close()]))
  const email = { email: 'jane@example.com', email_verified: true }
  acme.person({ sub: 'jane', ...email })
  github.user({ id: 1, login: 'jane', email: email.email })
  const running = await setup(t, {
    ...acme.settings('acme', { emailTrusted: true }),
    ...github.settings,
    ...environment
  })

  async function request (method: string, path: string, token: string, at = running.url) {
    const response = await fetch(at + path, { method, headers: { authorization: `Bearer ${token}` } })
    return { status: response.status, body: response.status === 204 ? undefined : await readJson(response) }
  }

  /** One user with an account at acme, and one at GitHub when asked for. */
  async function signedIn (...more: string[]) {
    let last: any
    for (const provider of ['acme', ...more]) {
      last = (await createBrowser(running.url).login(`/login/${provider}`)).json()
    }
    const accounts: { id: string, provider: string }[] = last.user.accounts
    return {
      token: last.access_token as string,
      userId: last.user.id as string,
      account: (provider: string) => accounts.find((one) => one.provider === provider)?.id ?? ''
    }
  }

  const exchanges = () =>
    acme
      .calls(acme.paths.token)
      .filter(({ body }) => (body as Record<string, unknown>)['grant_type'] === 'refresh_token').length
  return { ...running, acme, github, request, signedIn, exchanges }
}

/** The provider says that its tokens end in `seconds`. */
const ENDING = (seconds: number) => ({ expires_in: seconds })

t.test("a client borrows the provider's token, which works there, without a call until it expires", async (t) => {
  const { acme, request, signedIn, exchanges } = await world(t)
  const { token, account } = await signedIn()
  const { status, body } = await request('POST', `/me/accounts/${account('acme')}/token`, token)
  t.equal(status, 200)
  t.match(body, { accessToken: /^ya29\./, expiresAt: /Z$/, scope: 'openid profile email' })
  t.equal(
    (await fetch(acme.url + acme.paths.userinfo, { headers: { authorization: `Bearer ${body.accessToken}` } }))
      .status,
    200
  )
  t.equal(exchanges(), 0)
})

t.test('a token that is about to end is refreshed once, however many ask on two instances', async (t) => {
  const { url, acme, request, signedIn, exchanges, another } = await world(t)
  const { address } = await another()
  acme.tokenResponse(ENDING(30))
  const { token, account } = await signedIn()
  acme.tokenResponse(ENDING(3600))
  acme.fault(acme.paths.token, { kind: 'delay', ms: 300 })
  const answers = await race(20, (index) =>
    request('POST', `/me/accounts/${account('acme')}/token`, token, index % 2 ? url : address)
  )
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(new Set(answers.map(({ body }) => body.accessToken)).size, 1, 'all hold the same')
  t.equal(exchanges(), 1)
  t.equal(
    (await request('POST', `/me/accounts/${account('acme')}/token`, token)).body.accessToken,
    answers[0]?.body.accessToken
  )
  t.equal(exchanges(), 1)
})

slow.test('refreshes that hang leave connections for other requests, and end in time (SEC-87)', async (t) => {
  const { url, acme, request, signedIn } = await world(t, { DATABASE_POOL_SIZE: '4' })
  acme.tokenResponse(ENDING(30))
  const people = []
  for (let index = 0; index < 6; index++) {
    acme.person({ sub: `person ${index}` })
    people.push(await signedIn())
  }
  acme.fault(acme.paths.token, { kind: 'hang' })
  let answered = 0
  const lent = people.map(async ({ token, account }) => {
    const answer = await request('POST', `/me/accounts/${account('acme')}/token`, token)
    answered++
    return answer
  })
  await eventually('one of them hangs', () => acme.pending().length > 0)
  const others = await Promise.all(people.map(({ token }) => request('GET', '/me', token)))
  t.ok(others.every(({ status }) => status === 200))
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  t.equal(answered, 0, 'and all of them still wait')
  for (const { status, body } of await Promise.all(lent)) t.same([status, body.code], [504, 'provider_timeout'])

  acme.heal()
  acme.tokenResponse({})
  const again = await Promise.all(
    people.map(({ token, account }) => request('POST', `/me/accounts/${account('acme')}/token`, token))
  )
  t.ok(
    again.every(({ status }) => status === 200),
    'those in line come through, one after the other'
  )
})

t.test('a refresh token that the provider gave once lives on through later answers without one', async (t) => {
  const { acme, request, signedIn, exchanges } = await world(t)
  await signedIn()
  acme.tokenResponse({ ...ENDING(30), refresh_token: undefined })
  const { token, account } = await signedIn()
  acme.tokenResponse({ refresh_token: undefined })
  t.equal((await request('POST', `/me/accounts/${account('acme')}/token`, token)).status, 200)
  t.equal(exchanges(), 1)
})

t.test(
  'when the provider no longer refreshes, the person must sign in there again, and only then is it asked again',
  async (t) => {
    const { acme, request, signedIn, exchanges } = await world(t)
    acme.tokenResponse(ENDING(30))
    const { token, account } = await signedIn()
    acme.fault(acme.paths.token, {
      kind: 'status',
      status: 400,
      body: { error: 'invalid_grant', error_description: 'Token has been expired or revoked.' }
    })
    for (let time = 0; time < 3; time++) {
      t.match(await request('POST', `/me/accounts/${account('acme')}/token`, token), {
        status: 409,
        body: { code: 'reauthorization_required' }
      })
    }
    t.equal(exchanges(), 1)
    acme.heal()
    acme.tokenResponse({})
    await signedIn()
    t.equal((await request('POST', `/me/accounts/${account('acme')}/token`, token)).status, 200)
  }
)

slow.test('a failure of the provider is no end of the grant', async (t) => {
  const { acme, request, signedIn } = await world(t)
  acme.tokenResponse(ENDING(30))
  const { token, account } = await signedIn()
  acme.tokenResponse({})
  const path = `/me/accounts/${account('acme')}/token`
  for (const fault of [
    { kind: 'status', status: 500 },
    { kind: 'status', status: 400, body: { error: 'invalid_client' } },
    { kind: 'malformed' },
    { kind: 'html' },
    { kind: 'huge' },
    { kind: 'reset' },
    { kind: 'json', value: { error: 'temporarily_unavailable' } }
  ] as const) {
    acme.fault(acme.paths.token, fault)
    const { status, body } = await request('POST', path, token)
    t.same([status, body.code], [502, 'provider_error'], JSON.stringify(fault))
    t.match(body.detail, /^acme: the token refresh failed/)
  }
  shortenProviderTimeout(t)
  acme.fault(acme.paths.token, { kind: 'hang' })
  t.match(await request('POST', path, token), { status: 504, body: { code: 'provider_timeout' } })
  acme.heal()
  t.equal((await request('POST', path, token)).status, 200)
})

t.test('the database has no plain token of a provider; one sealed for an account opens for no other', async (t) => {
  const { sql, request, signedIn, log } = await world(t)
  const { token, account } = await signedIn('github')
  const lent = [
    (await request('POST', `/me/accounts/${account('acme')}/token`, token)).body.accessToken,
    (await request('POST', `/me/accounts/${account('github')}/token`, token)).body.accessToken
  ]
  const { rows: tables } = await sql.query(
    `SELECT table_schema || '.' || table_name AS name
    FROM information_schema.tables
    WHERE table_schema IN ('public', 'graphile_worker')`
  )
  let dump = ''
  for (const { name } of tables) {
    dump += (await sql.query(`SELECT coalesce(string_agg(t::text, ' '), '') AS text FROM ${name} t`)).rows[0].text
  }
  t.match(dump, account('acme'), 'it is a dump')
  for (const secret of [...lent, 'ya29.', '1//', 'gho_']) {
    t.notMatch(dump, secret)
    t.notMatch(log(), secret)
  }
  await sql.query('UPDATE accounts a SET sealed_tokens = b.sealed_tokens FROM accounts b WHERE a.id <> b.id')
  for (const provider of ['acme', 'github']) {
    t.match(await request('POST', `/me/accounts/${account(provider)}/token`, token), {
      status: 409,
      body: { code: 'reauthorization_required' }
    })
  }
})

t.test('unlinking revokes the grant at the provider in the background, and retries', async (t) => {
  const { acme, github, sql, request, signedIn } = await world(t)
  const jobs = async () =>
    (await sql.query('SELECT attempts, last_error FROM graphile_worker._private_jobs ORDER BY id')).rows
  const { token, account } = await signedIn('github')
  const lent = (await request('POST', `/me/accounts/${account('acme')}/token`, token)).body.accessToken
  acme.fault(acme.paths.revoke, { kind: 'status', status: 503 }, { times: 1 })
  t.equal((await request('DELETE', `/me/accounts/${account('acme')}`, token)).status, 204)
  await eventually(
    'the job fails',
    async () => (await jobs())[0]?.last_error !== undefined && (await jobs())[0]?.last_error !== null
  )
  t.match(await jobs(), [{ attempts: 1, last_error: /acme: the revocation failed: HTTP 503/ }])
  await sql.query('UPDATE graphile_worker._private_jobs SET run_at = now()')
  await eventually('the job is done', async () => (await jobs()).length === 0)
  t.equal(acme.calls(acme.paths.revoke).length, 2)
  t.equal(
    (await fetch(acme.url + acme.paths.userinfo, { headers: { authorization: `Bearer ${lent}` } })).status,
    401,
    'the token is dead at the provider'
  )

  // An identity that was unlinked does not join again by email: another person.
  await sql.query('TRUNCATE users CASCADE')
  const { token: other, account: accountOf } = await signedIn('github')
  t.equal((await request('DELETE', `/me/accounts/${accountOf('github')}`, other)).status, 204)
  await eventually(
    'GitHub is asked',
    () => github.calls(`/api/v3/applications/${github.clientId}/grant`).length === 1
  )
  await eventually('the job is done', async () => (await jobs()).length === 0)
})

t.test('a call to a provider that comes too late is not made', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const client = createOAuthClient({
    provider: 'acme',
    pluginName: 'provider-acme',
    clientId: 'x',
    clientSecret: 'y',
    callbackUrl: 'https://id.example.com/login/acme/callback',
    authorizationUrl: `${acme.url}/authorize`,
    tokenUrl: acme.url + acme.paths.token,
    scope: [],
    authentication: 'body'
  })
  await t.rejects(client.refresh('token', '', AbortSignal.abort()), { code: 'provider_timeout' })
  t.same(acme.calls(), [])
})
