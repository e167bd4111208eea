import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { createDpopKey } from '../fakes/dpop.ts'
import { createPkce } from '../fakes/pkce.ts'
import { readJson } from '../helper.ts'
import { CLIENT, startForeignHost } from './foreign-host.ts'

/** A host with a route behind each guard, and sign-ins of `spa`. */
async function world (t: Test, settings: Record<string, string> = {}) {
  const host = await startForeignHost(t, {
    settings,
    after (app) {
      const { signet } = app
      const answer = async (request: Parameters<typeof signet.claims>[0]) => ({ sub: signet.claims(request).sub })
      app.get('/bearer', { onRequest: signet.requireBearer }, answer)
      app.get('/session', { onRequest: signet.requireSession }, answer)
      app.get('/admin', { onRequest: signet.requireRole('admin') }, answer)
      app.get('/scope', { onRequest: signet.requireScope('provider_token') }, answer)
      app.get('/both', { onRequest: [signet.requireBearer, signet.requireRole('admin')] }, answer)
      app.get('/open', answer)
    }
  })
  const { url, issuerUrl } = host

  async function signIn (scope = 'openid', headers: Record<string, string> = {}) {
    const { verifier, challenge } = createPkce()
    const redirectUri = CLIENT.redirect_uris[0] as string
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT.client_id,
      redirect_uri: redirectUri,
      scope,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      provider: 'github'
    })
    const { location } = await createBrowser(issuerUrl).login(`/oauth2/authorize?${query}`)
    return await readJson(await fetch(`${issuerUrl}/oauth2/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(location ?? '').searchParams.get('code') ?? '',
        redirect_uri: redirectUri,
        client_id: CLIENT.client_id,
        code_verifier: verifier
      })
    }))
  }

  async function get (path: string, authorization?: string, headers: Record<string, string> = {}) {
    const all = { ...authorization === undefined ? {} : { authorization }, ...headers }
    const response = await fetch(url + path, { headers: all })
    const challenge = response.headers.get('www-authenticate')
    return { status: response.status, challenge, body: await readJson(response) }
  }

  return { ...host, signIn, get }
}

t.test('a guard lets in who has a token, and a role or a scope where one is wanted', async (t) => {
  const { app, signIn, get } = await world(t)
  const { access_token: token } = await signIn()
  const { sub = '' } = decodeJwt(token)
  for (const path of ['/bearer', '/session']) {
    t.match(await get(path, `Bearer ${token}`), { status: 200, challenge: null, body: { sub } }, path)
  }
  for (const path of ['/bearer', '/session', '/admin', '/scope', '/both']) {
    t.match(await get(path), { status: 401, challenge: 'Bearer realm="signet"', body: { code: 'unauthorized' } }, path)
    const forged = `${token.slice(0, -4)}AAAA`
    t.match(await get(path, `Bearer ${forged}`), {
      status: 401, challenge: /^Bearer realm="signet", error="invalid_token"/, body: { code: 'invalid_token' }
    }, path)
  }
  for (const path of ['/admin', '/both']) {
    t.match(await get(path, `Bearer ${token}`), { status: 403, body: { code: 'forbidden' } }, path)
  }
  t.match(await get('/scope', `Bearer ${token}`), {
    status: 403, challenge: /error="insufficient_scope".*scope="provider_token"/, body: { code: 'insufficient_scope' }
  })
  t.match(await get('/scope', `Bearer ${(await signIn('openid provider_token')).access_token}`), { status: 200 })
  t.match(await get('/open', `Bearer ${token}`), { status: 500 }, 'no claims without a guard')
  t.match(await app.signet.users.find(sub), {
    id: sub, name: 'The Octocat', email: 'octocat@github.com', status: 'active', accounts: [{ provider: 'github' }]
  })
  t.equal((await app.signet.users.findByEmail('Octocat@GitHub.com'))?.id, sub)
  for (const id of ['no uuid', crypto.randomUUID()]) t.equal(await app.signet.users.find(id), undefined)
})

t.test('the role admin of ADMIN_EMAILS opens what needs it', async (t) => {
  const { signIn, get } = await world(t, { ADMIN_EMAILS: 'octocat@github.com' })
  const { access_token: token } = await signIn()
  for (const path of ['/admin', '/both']) t.match(await get(path, `Bearer ${token}`), { status: 200 }, path)
})

t.test('after a logout requireSession refuses the token at once, and requireBearer once it expires', async (t) => {
  const { issuerUrl, signIn, get } = await world(t)
  const { access_token: token } = await signIn()
  const authorization = `Bearer ${token}`
  t.equal((await fetch(`${issuerUrl}/logout`, { method: 'POST', headers: { authorization } })).status, 204)
  t.match(await get('/session', authorization), { status: 401, challenge: /session .* has ended/ })
  t.match(await get('/bearer', authorization), { status: 200 })
})

t.test('a token that is bound to a key needs a proof for the URL of the host\'s route (RFC 9449)', async (t) => {
  const { url, issuerUrl, signIn, get } = await world(t)
  const key = await createDpopKey()
  const { access_token: accessToken, token_type: type } =
    await signIn('openid', { dpop: await key.prove('POST', `${issuerUrl}/oauth2/token`) })
  t.equal(type, 'DPoP')
  const call = async (at: string) =>
    await get('/bearer', `DPoP ${accessToken}`, { dpop: await key.prove('GET', at, { accessToken }) })
  t.match(await call(`${url}/bearer`), { status: 200 })
  t.match(await call(`${issuerUrl}/bearer`), { status: 401, challenge: /^DPoP .*error="invalid_dpop_proof"/ })
  t.match(await get('/bearer', `Bearer ${accessToken}`), { status: 401 }, 'stolen, without the key')
  const dpop = await key.prove('GET', `${url}/bearer`, { accessToken })
  t.match(await get('/bearer', `DPoP ${accessToken}`, { dpop }), { status: 200 })
  t.match(await get('/bearer', `DPoP ${accessToken}`, { dpop }), { status: 401 }, 'a proof passes once')
})
