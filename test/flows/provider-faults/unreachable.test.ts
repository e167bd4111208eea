import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { makeCertificate } from '../../certificate.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { freePort } from '../../free-port.ts'
import { eventually, setup } from '../../helper.ts'
import { refused, rows } from '../failed-login.ts'
import { joined, serve } from './world.ts'

/** A provider that is not there, or goes away (SEC-87, SEC-88). */

t.test('a provider that is down', async (t) => {
  const down = `http://127.0.0.1:${await freePort()}`
  const late = await freePort()
  const github = await startFakeGitHub()
  const [good, keys, token, userinfo, absent] = await Promise.all([
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc(),
    startFakeOidc()
  ])
  const issuers = { good, keys, token, userinfo, absent }
  t.teardown(() => Promise.all([github, ...Object.values(issuers)].map((fake) => fake.close())))
  keys.discovery({ jwks_uri: `${down}/jwks` })
  token.discovery({ token_endpoint: `${down}/token` })
  userinfo.discovery({ userinfo_endpoint: `${down}/userinfo` })
  // The issuer `absent` has a port without a listener.
  const absentIssuer = `http://127.0.0.1:${late}`
  const settings = {
    ...github.settings,
    GITHUB_API_URL: `${down}/api/v3`,
    ...joined(issuers),
    OIDC_ABSENT_ISSUER: absentIssuer
  }
  const { url, sql } = await setup(t, settings)

  await t.test('does not stop the start for the others', async (t) => {
    t.equal((await fetch(`${url}/readyz`)).status, 200)
    t.equal((await fetch(`${url}/healthz`)).status, 200)
    refused(
      t,
      await createBrowser(url).get('/login/absent'),
      502,
      'provider_error',
      /^absent: the discovery failed: ECONNREFUSED/
    )
    t.equal((await createBrowser(url).login('/login/good')).status, 200)
    t.equal((await fetch(`${url}/readyz`)).status, 200)
  })

  for (const [id, detail] of [
    ['keys', /^keys: the keys failed: ECONNREFUSED/],
    ['token', /^token: the token exchange failed: ECONNREFUSED/],
    ['userinfo', /^userinfo: the user info failed: ECONNREFUSED/],
    ['github', /^GitHub: the profile failed: ECONNREFUSED/]
  ] as const) {
    await t.test(`is 502 at ${id}`, async (t) => {
      const before = await rows(sql)
      const response = await createBrowser(url).login(`/login/${id}`)
      refused(t, response, 502, 'provider_error', detail)
      t.notMatch(response.text, new URL(down).port, 'no address of the inner network')
      t.same(await rows(sql), before)
    })
  }

  await t.test('is 502 when it goes away between the two redirects', async (t) => {
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/github'))
    await github.close()
    refused(
      t,
      await browser.callback(callback),
      502,
      'provider_error',
      /^GitHub: the token exchange failed: ECONNREFUSED/
    )
  })

  await t.test('comes back by itself', async (t) => {
    const { issuer: _, ...endpoints } = (await (await fetch(good.url + good.paths.discovery)).json()) as Record<
      string,
      unknown
    >
    const document = JSON.parse(JSON.stringify(endpoints).replaceAll(good.url, absent.url))
    await serve(
      t,
      (_request, response) => {
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ ...document, issuer: absentIssuer }))
      },
      late
    )
    absent.idToken({ claims: { iss: absentIssuer } })
    t.equal((await createBrowser(url).login('/login/absent')).status, 200)
  })
})

t.test('an issuer that goes away after it was read', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, acme.settings('acme'))
  t.equal((await createBrowser(url).login('/login/acme')).status, 200)
  acme.fault(acme.paths.discovery, { kind: 'status', status: 503 })
  acme.fault(acme.paths.jwks, { kind: 'status', status: 503 })
  t.equal((await createBrowser(url).login('/login/acme')).status, 200, 'its document and keys are kept')
  const now = Date.now
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 61 * 60_000
  t.match(
    await createBrowser(url).start('/login/acme'),
    `${acme.url}/authorize?`,
    'an hour later the old document serves on'
  )
  await eventually('while it is asked for anew', () => acme.calls(acme.paths.discovery).length === 2)
})

t.test('a server with an untrusted certificate, or a host name that does not resolve, gets no request', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  let requests = 0
  const impostor = createServer(await makeCertificate(t), (_request, response) => {
    requests++
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":"x","token_type":"bearer"}')
  }).listen(0, '127.0.0.1')
  await once(impostor, 'listening')
  t.teardown(() => {
    impostor.close().closeAllConnections()
  })
  const untrusted = `https://localhost:${(impostor.address() as AddressInfo).port}/token`

  for (const tokenUrl of [untrusted, 'https://nowhere.invalid/token']) {
    const { url, sql } = await setup(t, { ...github.settings, GITHUB_TOKEN_URL: tokenUrl })
    const response = await createBrowser(url).login('/login/github')
    refused(t, response, 502, 'provider_error', /^GitHub: the token exchange failed: /)
    t.same(await rows(sql), [0, 0, 0])
  }
  t.equal(requests, 0)
})
