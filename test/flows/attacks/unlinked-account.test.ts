import { randomBytes, createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { eventually, readJson, setup } from '../../helper.ts'

// A person's account at a provider was taken over. They unlink it: the attacker must be signed out, and stay out.

const SPA = { client_id: 'spa', name: 'The app', redirect_uris: ['https://app.example.com/callback'] }
const EMAIL = 'jane@example.com'

async function world (t: Test) {
  const github = await startFakeGitHub()
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  github.user({ id: 1, login: 'jane', email: EMAIL })
  acme.person({ sub: 'jane', email: EMAIL, email_verified: true })
  const providers = { ...github.settings, ...acme.settings('acme', { emailTrusted: true }) }
  const running = await setup(t, { ...providers, CLIENTS: JSON.stringify([SPA]) })
  const { url } = running
  const login = async (provider: string) => (await createBrowser(url).login(`/login/${provider}`)).json()

  async function request (method: string, path: string, token: string, body?: object) {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, ...body ? { 'content-type': 'application/json' } : {} },
      ...body ? { body: JSON.stringify(body) } : {}
    })
    return { status: response.status, body: response.status === 204 ? undefined : await readJson(response) }
  }

  async function refresh (refreshToken: string) {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    return (await fetch(`${url}/oauth2/token`, { method: 'POST', body })).status
  }

  /** What a client sends to POST /me/accounts after an authorize call with intent=link. */
  async function linkRequest (provider: string) {
    const verifier = randomBytes(32).toString('base64url')
    const redirectUri = SPA.redirect_uris[0] as string
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'spa',
      redirect_uri: redirectUri,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      provider,
      intent: 'link'
    })
    const back = new URL((await createBrowser(url).login(`/oauth2/authorize?${query}`)).location ?? '')
    return { code: back.searchParams.get('code'), code_verifier: verifier, redirect_uri: redirectUri, client_id: 'spa' }
  }

  /** Jane, signed in at both providers, and the thief, who has her account at acme. */
  async function takeOver () {
    const jane = await login('github')
    const thief = await login('acme')
    t.equal(thief.user.id, jane.user.id)
    const account = thief.user.accounts.find(({ provider }: { provider: string }) => provider === 'acme')
    return { jane, thief, account }
  }

  /** Unlinks, and waits until acme has revoked the grant: a sign-in at the same moment would lose its tokens there. */
  async function unlink (accountId: string, accessToken: string) {
    t.equal((await request('DELETE', `/me/accounts/${accountId}`, accessToken)).status, 204)
    await eventually('the revoked grant', () => acme.calls(acme.paths.revoke).length > 0)
  }

  return { ...running, login, request, refresh, linkRequest, takeOver, unlink }
}

t.test('wanted: to stay signed in through an account that was unlinked', async (t) => {
  const { request, refresh, takeOver } = await world(t)
  const { jane, thief, account } = await takeOver()
  t.equal((await request('DELETE', `/me/accounts/${account.id}`, jane.access_token)).status, 204)
  t.equal((await request('GET', '/me', thief.access_token)).status, 401)
  t.equal(await refresh(thief.refresh_token), 400)
  t.equal((await request('GET', '/me', jane.access_token)).status, 200, 'the other session goes on')
  t.equal(await refresh(jane.refresh_token), 200)
})

t.test('wanted: to stay signed in with a session from before accounts were recorded', async (t) => {
  const { sql, request, takeOver } = await world(t)
  const { jane, thief, account } = await takeOver()
  await sql.query('UPDATE sessions SET account_id = NULL')
  t.equal((await request('DELETE', `/me/accounts/${account.id}`, jane.access_token)).status, 204)
  t.equal((await request('GET', '/me', thief.access_token)).status, 401)
  t.equal((await request('GET', '/me', jane.access_token)).status, 200)
})

t.test('wanted: to join the user again by email, with the account that was unlinked', async (t) => {
  const { login, takeOver, unlink } = await world(t)
  const { jane, account } = await takeOver()
  await unlink(account.id, jane.access_token)
  const again = await login('acme')
  t.not(again.user.id, jane.user.id)
  t.equal(again.user.email, null)
})

t.test('the person can link the account again, and then it joins as any other', async (t) => {
  const { sql, login, request, linkRequest, takeOver, unlink } = await world(t)
  const { jane, account } = await takeOver()
  await unlink(account.id, jane.access_token)
  t.equal((await request('POST', '/me/accounts', jane.access_token, await linkRequest('acme'))).status, 201)
  t.equal((await sql.query('SELECT 1 FROM unlinked_identities')).rowCount, 0)
  t.equal((await login('acme')).user.id, jane.user.id)
})
