import { createHash, randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { eventually, race, readJson, setup, sharing } from '../helper.ts'
import { slow } from '../slow.ts'

const SPA = {
  client_id: 'spa',
  name: 'The app',
  redirect_uris: ['https://app.example.com/callback', 'https://app.example.com/other']
}
const OCTOCAT = { id: 1, login: 'octocat', name: 'The Octocat', email: 'octocat@github.com' }
const JANE = { sub: 'jane', email: 'jane@example.com', email_verified: true }
const REDIRECT_URI = SPA.redirect_uris[0] as string
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')

async function open (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  github.user(OCTOCAT)
  acme.person(JANE)
  const running = await setup(t, {
    ...github.settings,
    ...acme.settings('acme', { emailTrusted: true }),
    CLIENTS: JSON.stringify([SPA]),
    ...environment
  })
  const { url } = running

  async function request (method: string, path: string, token: string, body?: unknown, at = url) {
    const response = await fetch(at + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' })
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    return { status: response.status, body: response.status === 204 ? undefined : await readJson(response) }
  }

  /** Signs in, in direct mode. */
  async function login (provider: string): Promise<string> {
    return (await createBrowser(url).login(`/login/${provider}`)).json().access_token
  }

  /** What a client holds after an authorize call with intent=link. */
  async function linkCode (provider: string, intent: string | undefined = 'link') {
    const codeVerifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'spa',
      redirect_uri: REDIRECT_URI,
      code_challenge: sha256(codeVerifier),
      code_challenge_method: 'S256',
      state: 's',
      provider
    })
    if (intent) query.set('intent', intent)
    const back = new URL((await createBrowser(url).login(`/oauth2/authorize?${query}`)).location ?? '')
    if (back.searchParams.get('state') !== 's') throw new Error(`The state did not come back: ${back.href}`)
    return {
      code: back.searchParams.get('code') ?? '',
      code_verifier: codeVerifier,
      redirect_uri: REDIRECT_URI,
      client_id: 'spa'
    }
  }

  const events = async (type: string) =>
    (await running.sql.query(
      'SELECT user_id, details FROM audit_events WHERE type = $1 ORDER BY created_at', [type]
    )).rows
  return { ...running, github, acme, request, login, linkCode, events }
}

const world = sharing(t, open, ({ github, acme }) => {
  github.user(OCTOCAT)
  acme.person(JANE)
})

t.test('a signed-in user links an account by code, signs in with it, and unlinks it', async (t) => {
  const { request, login, linkCode, events, github, acme, sql } = await world(t)
  const token = await login('github')
  const me = (await request('GET', '/me', token)).body
  const linking = await linkCode('acme')
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, 1, 'the sign-in itself made no user')
  t.equal((await sql.query('SELECT 1 FROM sessions')).rowCount, 1, 'and no session')

  const linked = await request('POST', '/me/accounts', token, linking)
  t.equal(linked.status, 201)
  t.match(linked.body, { provider: 'acme', subject: 'jane', email: 'jane@example.com', emailVerified: true })
  t.match((await request('GET', '/me/accounts', token)).body, {
    items: [{ provider: 'github' }, { provider: 'acme' }],
    nextCursor: null
  })
  const { body: first } = await request('GET', '/me/accounts?limit=1', token)
  t.match(first, { items: [{ provider: 'github' }], nextCursor: String })
  t.match((await request('GET', `/me/accounts?limit=1&cursor=${first.nextCursor}`, token)).body, {
    items: [{ provider: 'acme' }],
    nextCursor: null
  })
  t.equal((await request('GET', '/me/accounts?limit=0', token)).body.code, 'validation_failed')
  t.match(await events('account.linked'), [
    { user_id: me.id, details: { accountId: linked.body.id, sessionId: String } }
  ])
  t.equal((await request('GET', '/me', await login('acme'))).body.id, me.id, 'the account signs in as this user')

  t.equal((await request('POST', '/me/accounts', token, linking)).body.code, 'invalid_grant', 'a code works once')
  const again = await request('POST', '/me/accounts', token, await linkCode('acme'))
  t.same([again.status, again.body.id], [201, linked.body.id], 'a linked account stays as it is')

  t.equal((await request('DELETE', `/me/accounts/${linked.body.id}`, token)).status, 204)
  t.equal((await request('DELETE', `/me/accounts/${linked.body.id}`, token)).status, 404)
  t.equal((await events('account.unlinked')).length, 1)
  await eventually('the revoked grant', () => acme.calls(acme.paths.revoke).length > 0)
  t.not((await request('GET', '/me', await login('acme'))).body.id, me.id, 'now it is another user')
  t.same(github.unexpected(), [])
})

t.test(
  'an account that is linked again keeps its name and refresh token, where the provider says them the first time only',
  async (t) => {
    const { request, login, linkCode, acme } = await world(t)
    acme.person({ sub: 'jane', name: 'Jane Doe' })
    acme.tokenResponse({ expires_in: 30 })
    const token = await login('github')
    const { body: { id } } = await request('POST', '/me/accounts', token, await linkCode('acme'))
    acme.person({ sub: 'jane' })
    acme.tokenResponse({ expires_in: 30, refresh_token: undefined })
    t.match(await request('POST', '/me/accounts', token, await linkCode('acme')), {
      status: 201,
      body: { id, name: 'Jane Doe' }
    })
    acme.tokenResponse({})
    t.equal((await request('POST', `/me/accounts/${id}/token`, token)).status, 200, 'refreshed')
  }
)

t.test('the last account stays', async (t) => {
  const { request, login } = await world(t)
  const token = await login('github')
  const [account] = (await request('GET', '/me/accounts', token)).body.items
  t.match(await request('DELETE', `/me/accounts/${account.id}`, token), { status: 409, body: { code: 'last_account' } })
})

t.test('an account that another user has is not taken from them', async (t) => {
  const { request, login, linkCode, events } = await world(t)
  const other = await login('acme')
  const token = await login('github')
  const refused = await request('POST', '/me/accounts', token, await linkCode('acme'))
  t.match(refused, { status: 409, body: { code: 'account_taken' } })
  t.equal((await request('GET', '/me/accounts', other)).body.items.length, 1)
  t.equal((await events('account.linked')).length, 0)
  const [account] = (await request('GET', '/me/accounts', other)).body.items
  t.equal((await request('DELETE', `/me/accounts/${account.id}`, token)).status, 404, "another's account is not there")
  t.equal((await request('POST', `/me/accounts/${account.id}/token`, token)).status, 404)
})

t.test('a user who is deleted while linking an account has no session, and nothing is left', async (t) => {
  const { request, login, linkCode, sql } = await world(t)
  const token = await login('github')
  const code = await linkCode('acme')
  const deletion = await sql.connect()
  await deletion.query('BEGIN')
  await deletion.query('DELETE FROM users')
  const linking = request('POST', '/me/accounts', token, code)
  await eventually(
    'it waits',
    async () =>
      (
        await sql.query(
          "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
      ).rowCount === 1
  )
  await deletion.query('COMMIT')
  deletion.release()
  t.match(await linking, { status: 401, body: { code: 'invalid_token' } })
  t.equal((await sql.query('SELECT 1 FROM accounts')).rowCount, 0)
})

t.test('an email that a linked account brings is a change of the user', async (t) => {
  const { request, login, linkCode, events, sql } = await world(t)
  const token = await login('github')
  await sql.query("UPDATE users SET email = NULL, updated_at = now() + interval '1 hour'")
  const { body: before } = await request('GET', '/me', token)
  await request('POST', '/me/accounts', token, await linkCode('acme'))
  const { body: after } = await request('GET', '/me', token)
  t.equal(after.email, 'jane@example.com')
  t.ok(after.updatedAt > before.updatedAt)
  t.match(await events('user.updated'), [{ user_id: after.id, details: { fields: ['email'] } }])
})

t.test('a linking code is not a sign-in code; both are bound to their client, URI and verifier', async (t) => {
  const { url, request, login, linkCode } = await world(t)
  const token = await login('github')
  const linking = await linkCode('acme')
  const exchanged = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', ...linking })
  })
  t.equal((await readJson(exchanged)).error, 'invalid_grant')
  t.equal((await request('POST', '/me/accounts', token, await linkCode('github', ''))).body.code, 'invalid_grant')
  for (const change of [
    { code_verifier: 'x'.repeat(43) },
    { redirect_uri: SPA.redirect_uris[1] },
    { client_id: 'signet' },
    { code: 'nonsense' }
  ]) {
    t.match(await request('POST', '/me/accounts', token, { ...linking, ...change }), {
      status: 400,
      body: { code: 'invalid_grant' }
    })
  }
  t.equal(
    (await request('POST', '/me/accounts', token, { ...linking, userId: 'x' })).body.code,
    'validation_failed',
    'nobody says for whom'
  )
  t.equal((await request('POST', '/me/accounts', token, linking)).status, 201, 'none of that has spent it')
})

t.test('a code for linking is over after a minute, and useless in the database', async (t) => {
  const { request, login, linkCode, sql } = await world(t)
  const token = await login('github')
  const linking = await linkCode('acme')
  const { rows: [row] } = await sql.query('SELECT link_codes::text AS text FROM link_codes')
  t.notMatch(row.text, /jane|ya29|1\/\//, 'who it is and the tokens are sealed')
  await sql.query("UPDATE link_codes SET expires_at = now() - interval '1 second'")
  t.equal((await request('POST', '/me/accounts', token, linking)).body.code, 'invalid_grant')
})

t.test('without a session nothing is linked, unlinked or read', async (t) => {
  const { url, request, login, linkCode } = await world(t)
  const token = await login('github')
  const linking = await linkCode('acme')
  const [account] = (await request('GET', '/me/accounts', token)).body.items
  await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  const calls = [
    ['GET', '/me/accounts'],
    ['POST', '/me/accounts', linking],
    ['DELETE', `/me/accounts/${account.id}`],
    ['POST', `/me/accounts/${account.id}/token`]
  ] as const
  for (const [method, path, body] of calls) {
    t.match(
      await request(method, path, token, body),
      { status: 401, body: { code: 'invalid_token' } },
      `${method} ${path}`
    )
  }
})

t.test('a user without an email gets the verified one of the new account, unless another user has it', async (t) => {
  const { request, login, linkCode, acme, github } = await world(t)
  github.emails(404)
  github.user({ id: 7, login: 'nobody', email: null })
  const token = await login('github')
  t.equal((await request('GET', '/me', token)).body.email, null)
  await request('POST', '/me/accounts', token, await linkCode('acme'))
  t.match((await request('GET', '/me', token)).body, { email: 'jane@example.com', emailVerified: true })

  github.user({ id: 8, login: 'another', email: null })
  const another = await login('github')
  acme.person({ sub: 'jane at work', email: 'jane@example.com', email_verified: true })
  t.equal((await request('POST', '/me/accounts', another, await linkCode('acme'))).status, 201)
  t.equal((await request('GET', '/me', another)).body.email, null)
})

slow.test(
  'races: one identity linked by two users, one user unlinking all accounts, one code presented fifty times',
  async (t) => {
    const { url, request, login, linkCode, github, acme, another, sql } = await world(t)
    const { address } = await another()
    for (let round = 0; round < 10; round++) {
      acme.person({ sub: `jane ${round}` })
      const tokens: string[] = []
      for (const id of [100 + 2 * round, 101 + 2 * round]) {
        github.user({ id, login: `user${id}`, email: `user${id}@example.com` })
        tokens.push(await login('github'))
      }
      const codes = [await linkCode('acme'), await linkCode('acme')]
      const answers = await race(2, (index) =>
        request('POST', '/me/accounts', tokens[index] ?? '', codes[index], index ? url : address)
      )
      t.same(answers.map(({ status }) => status).sort(), [201, 409])

      const winner = tokens[answers.findIndex(({ status }) => status === 201)] as string
      const { items } = (await request('GET', '/me/accounts', winner)).body
      const unlinked = await race(2, (index) =>
        request('DELETE', `/me/accounts/${items[index].id}`, winner, undefined, index ? url : address)
      )
      t.same(unlinked.map(({ status }) => status).sort(), [204, 409], 'one account is left')
    }
    const token = await login('github')
    acme.person({ sub: 'once' })
    const code = await linkCode('acme')
    const answers = await race(50, (index) => request('POST', '/me/accounts', token, code, index % 2 ? url : address))
    t.equal(answers.filter(({ status }) => status === 201).length, 1)
    t.ok(answers.every(({ status }) => status === 201 || status === 400))
    t.equal(
      (await sql.query('SELECT 1 FROM users u WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.user_id = u.id)'))
        .rowCount,
      0
    )
  }
)

t.test('the error of a sign-in with intent=link goes to the client, and another intent is named', async (t) => {
  const { url, acme } = await world(t)
  acme.deny()
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: 'spa',
    redirect_uri: REDIRECT_URI,
    code_challenge: sha256('x'),
    code_challenge_method: 'S256',
    provider: 'acme',
    intent: 'link'
  })
  t.match((await createBrowser(url).login(`/oauth2/authorize?${query}`)).location, /error=access_denied/)
  query.set('intent', 'delete')
  t.match((await createBrowser(url).get(`/oauth2/authorize?${query}`)).location, /error=invalid_request.*intent/)
})

slow.test('changes are limited to sixty a minute for each user', async (t) => {
  const { request, login } = await world(t, { RATE_LIMITS: 'on' })
  const [token, other] = [await login('github'), await login('acme')]
  const path = `/me/accounts/${crypto.randomUUID()}`
  for (let index = 0; index < 60; index++) t.equal((await request('DELETE', path, token)).status, 404)
  t.match(await request('DELETE', path, token), { status: 429, body: { code: 'rate_limited' } })
  t.equal((await request('DELETE', path, other)).status, 404, 'the other session goes on')
  t.equal((await request('GET', '/me/accounts', token)).status, 200, 'and reading is free')
})
