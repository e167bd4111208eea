import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { startWebhookReceiver } from '../../fakes/webhook-receiver.ts'
import { readJson, sharing } from '../../helper.ts'
import { addEndpoint } from '../../webhooks/world.ts'
import { AS_WEB, setupWithClients, REDIRECT_URI, type Parameters } from '../setup-with-clients.ts'

// Somebody has an access token of another person, from a log or a proxy. It must not be good for more than it says.

async function open (t: Test) {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  acme.person({ sub: 'mallory', email: 'mallory@example.com', email_verified: true })
  const signet = await setupWithClients(t, acme.settings('acme', { emailTrusted: true }))
  const { url, sql } = signet

  async function call (method: string, path: string, token: string, body?: object) {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...body && { 'content-type': 'application/json' } },
      ...body && { body: JSON.stringify(body) }
    })
    return { status: response.status, headers: response.headers, body: await readJson(response).catch(() => undefined) }
  }

  const login = async (provider = 'github') => (await createBrowser(url).login(`/login/${provider}`)).json()

  /** The tokens of a session whose sign-in was eleven minutes ago. */
  async function old ({ refresh_token: refreshToken }: { refresh_token: string }, client: Record<string, string> = {}) {
    await sql.query("UPDATE sessions SET authenticated_at = now() - interval '11 minutes'")
    return (await signet.refresh(refreshToken, client)).body.access_token as string
  }

  async function linkRequest (provider = 'acme', more: Parameters = {}) {
    const { code, codeVerifier } = await signet.authorize({ provider, intent: 'link', ...more })
    return { code, code_verifier: codeVerifier, redirect_uri: REDIRECT_URI, client_id: 'spa' }
  }

  const accounts = async () => (await sql.query('SELECT id, provider FROM accounts ORDER BY id')).rows
  return { ...signet, acme, call, login, old, linkRequest, accounts }
}

const world = sharing(t, open)

t.test('wanted: an account of mine at the user of an old access token', async (t) => {
  const { call, login, old, linkRequest, accounts } = await world(t)
  const tokens = await login()
  const token = await old(tokens)
  const body = await linkRequest()
  t.match(await call('POST', '/me/accounts', token, body), {
    status: 403, body: { code: 'reauthentication_required', detail: /max_age=600/ }
  })
  t.equal((await accounts()).length, 1)
  t.match(await call('POST', '/me/accounts', token), { status: 403 }, 'and nothing is said of the code before that')

  const { access_token: fresh } = await login()
  t.equal((await call('POST', '/me/accounts', fresh, body)).status, 201, 'the code was not spent')
})

t.test('wanted: to take the accounts of the user of an old access token away', async (t) => {
  const { call, login, old, linkRequest, accounts } = await world(t)
  const tokens = await login()
  await call('POST', '/me/accounts', tokens.access_token, await linkRequest())
  const token = await old(tokens)
  for (const { id } of await accounts()) {
    t.match(await call('DELETE', `/me/accounts/${id}`, token), {
      status: 403, body: { code: 'reauthentication_required' }
    })
  }
  t.equal((await call('DELETE', `/me/accounts/${crypto.randomUUID()}`, token)).status, 403, 'whatever it names')
  t.equal((await accounts()).length, 2)
  t.equal((await call('GET', '/me/accounts', token)).status, 200, 'to read them it is good enough')
  const [, second] = await accounts()
  t.equal((await call('DELETE', `/me/accounts/${second.id}`, (await login()).access_token)).status, 204)
})

t.test('wanted: the token of the provider, with an access token that was not given for it', async (t) => {
  const { call, signIn, signInWeb, accounts, token, refresh, post, login } = await world(t)
  const without = await signIn()
  const [{ id }] = await accounts()
  const path = `/me/accounts/${id}/token`
  const refused = await call('POST', path, without.access_token)
  t.match(refused, { status: 403, body: { code: 'insufficient_scope', detail: /provider_token/ } })
  t.match(refused.headers.get('content-type'), /^application\/problem\+json/)
  t.match(refused.headers.get('www-authenticate'),
    /^Bearer realm="signet", error="insufficient_scope", error_description="[^"]+", scope="provider_token"$/)
  t.equal((await call('POST', `/me/accounts/${crypto.randomUUID()}/token`, without.access_token)).status, 403)

  const more = await refresh(without.refresh_token, { client_id: 'spa', scope: 'openid provider_token' })
  t.match(more, { status: 400, body: { error: 'invalid_scope' } })

  const asked = await signIn({ scope: 'openid provider_token' })
  t.equal(asked.scope, 'openid provider_token')
  t.match(await call('POST', path, asked.access_token), { status: 200, body: { accessToken: String } })
  const kept = await refresh(asked.refresh_token)
  t.equal(kept.body.scope, 'openid provider_token')
  t.equal((await call('POST', path, kept.body.access_token)).status, 200)
  const narrowed = await refresh(kept.body.refresh_token, { client_id: 'spa', scope: 'openid' })
  t.equal(narrowed.body.scope, 'openid')
  t.equal((await call('POST', path, narrowed.body.access_token)).status, 403)

  const web = await signInWeb({ scope: 'openid provider_token' })
  for (const one of [web.access_token, web.refresh_token]) {
    t.match((await post('/oauth2/introspect', { ...AS_WEB, token: one })).body, { scope: 'openid provider_token' })
  }

  const direct = await login()
  t.equal(direct.scope, 'provider_token', 'the direct mode has it')
  t.equal((await call('POST', path, direct.access_token)).status, 200)
  const again = await token({ grant_type: 'refresh_token', refresh_token: direct.refresh_token })
  t.equal(decodeJwt(again.body.access_token)['scope'], 'provider_token')
})

t.test('the cookie mode may borrow the token of the provider too', async (t) => {
  const { url, call, accounts } = await world(t)
  const origin = new URL(REDIRECT_URI).origin
  const browser = createBrowser(url)
  await browser.login(`/login/github?return_to=${encodeURIComponent(`${origin}/`)}`)
  const refreshed = await browser.post('/oauth2/token', { form: { grant_type: 'refresh_token' }, headers: { origin } })
  const [{ id }] = await accounts()
  t.equal((await call('POST', `/me/accounts/${id}/token`, refreshed.json().access_token)).status, 200)
})

t.test('wanted: to link an account without the person hearing of it', async (t) => {
  const { sql, call, login, linkRequest, signIn } = await world(t)
  const receiver = await startWebhookReceiver()
  t.teardown(() => receiver.close())
  receiver.verifyWith((await addEndpoint(sql, receiver.url, ['account.linked'])).secret)
  const other = await signIn()
  const tokens = await login()
  const linked = await call('POST', '/me/accounts', tokens.access_token, await linkRequest())
  t.equal(linked.status, 201)

  const sessionId = decodeJwt(tokens.access_token)['sid']
  const told = { accountId: linked.body.id, provider: 'acme', sessionId }
  const { body: { items } } = await call('GET', '/me/activity', other.access_token)
  const { provider, details } = items.find(({ type }: { type: string }) => type === 'account.linked')
  t.same({ provider, ...details }, told)
  t.match(await receiver.taken(1), [{ type: 'account.linked', data: told }])
  t.same(receiver.unverified, [])
})
