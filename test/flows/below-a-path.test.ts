import { createServer, request } from 'node:http'
import t, { type Test } from 'tap'
import { discovery } from 'openid-client'
import * as client from 'openid-client'
import { SettingsError, readSettings } from '../../src/settings.ts'
import { freePort } from '../free-port.ts'
import { readJson } from '../helper.ts'
import { setupWithClients, SPA } from './setup-with-clients.ts'

/** Signet below a path of a host, behind a proxy that strips the path or leaves it on. */
async function below (t: Test, path: string, strips: boolean) {
  const port = await freePort()
  const host = `http://localhost:${port}`
  const asked: string[] = []
  let upstream = 0
  const proxy = createServer((incoming, outgoing) => {
    const { url = '', method, headers } = incoming
    const forwarded = strips && url.startsWith(`${path}/`) ? url.slice(path.length) : url
    asked.push(forwarded)
    const onward = request({ port: upstream, method, path: forwarded, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(outgoing)
    })
    incoming.pipe(onward)
  }).listen(port)
  t.teardown(() => { proxy.close().closeAllConnections() })
  const world = await setupWithClients(t, { ISSUER_URL: host + path })
  upstream = Number(new URL(world.address).port)
  return { ...world, host, asked }
}

for (const [path, strips] of [['/auth', false], ['/auth', true], ['/a/b', false], ['/a/b', true]] as const) {
  const how = strips ? 'strips' : 'leaves on'
  t.test(`below ${path}, behind a proxy that ${how} the path, everything works`, async (t) => {
    const { url, host, asked, signIn, me, refresh } = await below(t, path, strips)
    t.equal(url, host + path)
    const tokens = await signIn()
    t.equal(await me(tokens.access_token), 200)
    t.equal((await refresh(tokens.refresh_token)).status, 200)
    t.ok(asked.some((one) => one.startsWith(strips ? '/login/github/callback' : `${path}/login/github/callback`)))
    for (const page of ['/', '', '/login', '/docs/', '/device', '/healthz', '/problems/invalid_state']) {
      t.equal((await fetch(url + page)).status, 200, page)
    }
    t.match(await (await fetch(`${url}/docs`)).text(), `src="${path}/docs/static/swagger-ui-bundle.js"`)
    t.match(await readJson(await fetch(`${url}/nothing`)), { status: 404, type: `${url}/problems/not_found` })

    for (const location of [
      `${host}/.well-known/oauth-authorization-server${path}`,
      `${host}/.well-known/openid-configuration${path}`,
      `${url}/.well-known/openid-configuration`,
      `${url}/.well-known/oauth-authorization-server`
    ]) {
      const metadata = await fetch(location)
      t.equal(metadata.status, 200, location)
      t.match(await readJson(metadata), { issuer: url, token_endpoint: `${url}/oauth2/token` })
    }
    for (const algorithm of ['oidc', 'oauth2'] as const) {
      const found = await discovery(new URL(url), 'spa', undefined, client.None(), {
        algorithm, execute: [client.allowInsecureRequests]
      })
      t.equal(found.serverMetadata().issuer, url, `openid-client finds it by ${algorithm}`)
    }
  })
}

t.test('an issuer without a path has its documents in one place', async (t) => {
  const { url } = await setupWithClients(t)
  for (const path of ['/.well-known/openid-configuration/', '/.well-known/oauth-authorization-server/auth']) {
    t.equal((await fetch(url + path)).status, 404, path)
  }
  t.equal((await fetch(`${url}/auth/login`)).status, 404)
})

t.test('a path that Signet itself has is refused at start', async (t) => {
  for (const path of ['/login', '/oauth2/x', '/me', '/.well-known']) {
    t.throws(() => readSettings({ ISSUER_URL: `https://id.example.com${path}` }), SettingsError, path)
  }
  for (const path of ['/auth', '/logins', '/x/login']) readSettings({ ISSUER_URL: `https://id.example.com${path}` })
})

t.test('discovery and keys may be read by any origin, without credentials, and nothing else may', async (t) => {
  const { url } = await setupWithClients(t)
  const ask = async (path: string, method = 'GET') => {
    const { status, headers } = await fetch(url + path, {
      method,
      headers: {
        origin: 'https://anyone.example',
        ...(method === 'OPTIONS' ? { 'access-control-request-method': 'GET' } : {})
      }
    })
    const [origin, credentials] = ['access-control-allow-origin', 'access-control-allow-credentials']
      .map((name) => headers.get(name))
    return { status, origin, credentials }
  }
  for (const path of ['openid-configuration', 'oauth-authorization-server', 'jwks.json']) {
    const open = { origin: '*', credentials: null }
    t.match(await ask(`/.well-known/${path}`), { status: 200, ...open }, path)
    t.match(await ask(`/.well-known/${path}`, 'OPTIONS'), { status: 204, ...open }, path)
  }
  for (const path of ['/', '/me', '/openapi.json', '/oauth2/userinfo']) t.equal((await ask(path)).origin, null, path)
})

t.test('web views of apps are origins, by ALLOWED_ORIGINS and as redirect URIs', async (t) => {
  const { url } = await setupWithClients(t, {
    ALLOWED_ORIGINS: 'capacitor://localhost,tauri://localhost',
    CLIENTS: JSON.stringify([{ ...SPA, redirect_uris: ['ionic://localhost/callback', 'com.example.app://x/callback'] }])
  })
  const allowed = async (origin: string) =>
    (await fetch(`${url}/healthz`, { headers: { origin } })).headers.get('access-control-allow-origin')
  for (const origin of ['capacitor://localhost', 'tauri://localhost', 'ionic://localhost']) {
    t.equal(await allowed(origin), origin)
  }
  for (const origin of ['capacitor://evil', 'capacitor://localhost:1', 'com.example.app://x', 'file://', 'null']) {
    t.equal(await allowed(origin), null, origin)
  }
  const start = async (returnTo: string) =>
    (await fetch(`${url}/login/github?${new URLSearchParams({ return_to: returnTo })}`, { redirect: 'manual' })).status
  t.equal(await start('capacitor://localhost/welcome'), 302)
  for (const bad of ['capacitor://evil/', 'capacitor://x@localhost/', 'javascript://localhost/%0aalert(1)', 'file:///x']) {
    t.equal(await start(bad), 400, bad)
  }
  for (const bad of ['capacitor:localhost', 'capacitor://', 'capacitor://localhost/', 'javascript://x', 'file://']) {
    t.throws(() => readSettings({ ALLOWED_ORIGINS: bad }), SettingsError, bad)
  }
})
