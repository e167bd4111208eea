import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { useForwardProxy } from '../../src/http/forward-proxy.ts'
import { newSecret } from '../../src/webhooks/signing.ts'
import { makeCertificate } from '../certificate.ts'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeForwardProxy } from '../fakes/forward-proxy.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { startWebhookReceiver } from '../fakes/webhook-receiver.ts'
import { eventually, setup, shortenProviderTimeout } from '../helper.ts'
import { addEndpoint } from '../webhooks/world.ts'

/** Calls through a forward proxy. Only the proxy can reach `*.test` and 10.1.2.3; the browser stays outside of it. */

async function world (t: Test, environment: Record<string, string> = {}) {
  const proxy = await startFakeForwardProxy()
  const github = await startFakeGitHub()
  const acme = await startFakeOidc()
  const receiver = await startWebhookReceiver()
  t.teardown(async () => {
    useForwardProxy({})
    await Promise.all([proxy, github, acme, receiver].map((one) => one.close()))
  })
  github.user({ id: 1, login: 'octocat', email: 'octocat@github.com' })
  const inside = (url: string, host: string) => url.replace('127.0.0.1', host)
  const acmeUrl = inside(acme.url, 'acme.test')
  const { paths } = acme
  acme.discovery({
    issuer: acmeUrl,
    authorization_endpoint: acmeUrl + paths.authorize,
    token_endpoint: acmeUrl + paths.token,
    userinfo_endpoint: acmeUrl + paths.userinfo,
    revocation_endpoint: acmeUrl + paths.revoke,
    jwks_uri: acmeUrl + paths.jwks
  })
  acme.idToken({ claims: { iss: acmeUrl } })
  const running = await setup(t, {
    ...github.settings,
    GITHUB_TOKEN_URL: inside(github.settings['GITHUB_TOKEN_URL'] as string, 'github.test'),
    GITHUB_API_URL: inside(github.settings['GITHUB_API_URL'] as string, 'github.test'),
    ...acme.settings('acme', { emailTrusted: true }),
    OIDC_ACME_ISSUER: acmeUrl,
    http_proxy: proxy.url,
    HTTPS_PROXY: proxy.url,
    ...environment
  })
  const browser = createBrowser(running.url)
  const port = (url: string) => new URL(url).port

  async function login (provider: string) {
    const start = await browser.start(`/login/${provider}`)
    return await browser.callback(await browser.authorize(start.replace('acme.test', '127.0.0.1')))
  }
  return {
    ...running,
    proxy,
    acme,
    github,
    receiver,
    login,
    atAcme: `acme.test:${port(acme.url)}`,
    atGitHub: `github.test:${port(github.url)}`,
    hookUrl: inside(receiver.url, '10.1.2.3'),
    atHook: `10.1.2.3:${port(receiver.url)}`
  }
}

t.test('discovery, keys, login, user info, refresh, revocation and webhooks go through the proxy', async (t) => {
  const { url, sql, proxy, acme, github, receiver, login, atAcme, atGitHub, hookUrl, atHook, log } = await world(t)
  receiver.verifyWith((await addEndpoint(sql, hookUrl)).secret)

  await t.test('a login at an issuer', async (t) => {
    acme.tokenResponse({ expires_in: 1 })
    const { status, text, json } = await login('acme')
    t.equal(status, 200, text)
    t.same(new Set(proxy.connects().filter((host) => host !== atHook)), new Set([atAcme]))
    for (const path of ['discovery', 'jwks', 'token', 'userinfo'] as const) {
      t.equal(acme.calls(acme.paths[path]).length, 1, path)
    }

    const { access_token: accessToken, user } = json()
    const headers = { authorization: `Bearer ${accessToken}` }
    acme.tokenResponse({})
    const lent = await fetch(`${url}/me/accounts/${user.accounts[0].id}/token`, { method: 'POST', headers })
    t.equal(lent.status, 200, await lent.text())
    t.equal(acme.calls(acme.paths.token).length, 2, 'a refresh')
    t.equal((await fetch(`${url}/me`, { method: 'DELETE', headers })).status, 204)
    await eventually('the revocation', () => acme.calls(acme.paths.revoke).length > 0)
  })

  await t.test('a login at GitHub, over one tunnel for several calls', async (t) => {
    proxy.reset()
    t.equal((await login('github')).status, 200)
    t.equal((await login('github')).status, 200)
    t.equal(proxy.connects().filter((host) => host === atGitHub).length, 1)
    t.equal(github.calls().filter(({ path }) => path.endsWith('/user')).length, 2)
  })

  await t.test('a webhook', async (t) => {
    await eventually('the webhooks', () => receiver.received.length >= 2)
    t.same(receiver.unverified, [])
    t.ok(proxy.connects().includes(atHook))
  })

  t.notMatch(log(), /p(@|%40)ss/, 'and nothing tells the password')
})

t.test('what NO_PROXY names is called directly', async (t) => {
  const { proxy, login } = await world(t, { NO_PROXY: '.test, 10.0.0.0/8' })
  t.match((await login('github')).json(), { status: 502, detail: /the token exchange failed: E[A-Z_]+\.$/ })
  await t.rejects(login('acme'), /answered 502: .*the discovery failed: E[A-Z_]+\./, 'which nobody else finds')
  t.same(proxy.connects(), [])
})

t.test('a proxy that refuses or hangs ends the login with a word that names it, and holds no connection', async (t) => {
  shortenProviderTimeout(t)
  const { proxy, login } = await world(t)
  proxy.misbehave(403)
  t.match((await login('github')).json(), {
    status: 502, detail: 'GitHub: the token exchange failed: PROXY_403.'
  })
  proxy.misbehave('hang')
  t.match((await login('github')).json(), { status: 504, code: 'provider_timeout' })
  await eventually('no open connection', () => proxy.open() === 0)
  proxy.misbehave(undefined)
  t.equal((await login('github')).status, 200)
})

t.test('before.user.created goes through it too, and one that is not there is told', async (t) => {
  const hook = await startWebhookReceiver()
  t.teardown(() => hook.close())
  const secret = newSecret()
  hook.verifyWith(secret)
  hook.behave(() => (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"allow":true,"roles":["member"]}'))
  const { proxy, login, log } = await world(t, {
    BEFORE_USER_CREATED_URL: hook.url.replace('127.0.0.1', '10.1.2.3'),
    BEFORE_USER_CREATED_SECRET: secret
  })
  t.match((await login('github')).json(), { user: { roles: ['member'] } })
  t.ok(proxy.connects().includes(`10.1.2.3:${new URL(hook.url).port}`))
  t.notMatch(log(), /was not answered/)
})

t.test('https is end to end within the tunnel, also with a certificate of NODE_EXTRA_CA_CERTS', async (t) => {
  const proxy = await startFakeForwardProxy()
  const folder = await mkdtemp(join(tmpdir(), 'signet-authority-'))
  const certificate = await makeCertificate(t, 'id.test')
  const server = createServer(certificate, (_request, response) => response.end('{"issuer":"here"}'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.close().closeAllConnections()
    await proxy.close()
    await rm(folder, { recursive: true })
  })
  const file = join(folder, 'authority.pem')
  await writeFile(file, certificate.cert)
  const target = `https://id.test:${(server.address() as AddressInfo).port}`
  const code = `
    import { useForwardProxy } from './src/http/forward-proxy.ts'
    import { getJson } from './src/providers/http.ts'
    import { post } from './src/webhooks/post.ts'
    useForwardProxy({ httpsProxy: ${JSON.stringify(proxy.url)} })
    const call = async (work) => await work().catch((error) => ({ failed: error.message }))
    const lookUp = async () => [{ address: '203.0.113.7', family: 4 }]
    const options = { headers: {}, body: '{}', signal: AbortSignal.timeout(5000), mayReach: () => true }
    console.log(JSON.stringify([
      await call(() => getJson('${target}/x', { provider: 'Acme', step: 'profile' })),
      await call(() => post('${target}/y', options, lookUp))
    ]))`
  async function run (environment: Record<string, string>) {
    proxy.reset()
    const args = ['--import=tsx', '--input-type=module', '--eval', code]
    const env = { PATH: process.env['PATH'], ...environment }
    return JSON.parse((await promisify(execFile)(process.execPath, args, { env })).stdout)
  }

  t.match(await run({ NODE_EXTRA_CA_CERTS: file }), [{ issuer: 'here' }, { status: 200, body: '{"issuer":"here"}' }])
  const { port } = new URL(target)
  t.same(proxy.connects(), [`id.test:${port}`, `203.0.113.7:${port}`], 'a webhook names the address that was checked')
  t.match(await run({}), [
    { failed: 'Acme: the profile failed: DEPTH_ZERO_SELF_SIGNED_CERT.' }, { failed: /self-signed certificate/ }
  ])
})
