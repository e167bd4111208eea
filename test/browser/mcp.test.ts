import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import type { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { decodeJwt } from 'jose'
import type { Page } from 'playwright-core'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { makeCertificate } from '../certificate.ts'
import { createDatabase } from '../database.ts'
import { startMcpServer } from '../examples/mcp-server.ts'
import { startFakeDocument } from '../fakes/client-document.ts'
import { freePort } from '../free-port.ts'
import { ENCRYPTION_KEYS, readJson } from '../helper.ts'
import { launchChromium } from './chromium.ts'
import { startMcpClient } from './mcp-client.ts'
import { MCP_SERVER, allow, mcpSettings, startMcpIdp, toConsent } from './mcp-world.ts'

// The MCP SDK's own client, unmodified, against the example MCP server. Signet is a process of its own, so that it
// trusts the certificate of the client's document: the SDK takes no document over http.

const certificate = await makeCertificate(t)
const folder = await mkdtemp(join(tmpdir(), 'signet-mcp-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
await writeFile(join(folder, 'cert.pem'), certificate.cert)
const document = await startFakeDocument({ redirect_uris: ['http://127.0.0.1/callback'] }, certificate)
t.teardown(() => document.close())

const [port, mcpPort, idpPort] = [await freePort(), await freePort(), await freePort()]
const [url, resource, idpIssuer] = [
  `http://localhost:${port}`, `http://localhost:${mcpPort}/mcp`, `http://127.0.0.1:${idpPort}`
]
await startMcpIdp(t, idpIssuer, url)
await startSignet()
await startMcpServer(t, {
  ISSUER: url,
  PORT: String(mcpPort),
  CLIENT_ID: MCP_SERVER.client_id,
  CLIENT_SECRET: MCP_SERVER.client_secret,
  POLL_SECONDS: '1'
})
const chromium = await launchChromium(t)

/** An UnauthorizedError of the SDK: the person has to sign in. */
const UNAUTHORIZED = { message: 'Unauthorized' }

async function startSignet (): Promise<void> {
  const database = await createDatabase()
  t.teardown(() => database.giveBack())
  const child = spawn(process.execPath, ['--import=tsx', 'src/server.ts'], {
    cwd: packageRoot,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem'),
      PORT: String(port),
      DATABASE_URL: database.url,
      ENCRYPTION_KEYS,
      LOG_LEVEL: 'error',
      ...mcpSettings(idpIssuer, resource)
    }
  })
  t.teardown(async () => {
    child.kill()
    await new Promise((resolve) => child.once('exit', resolve))
  })
  // tsx compiles it first, which takes long on a machine that is busy.
  for (const endsAt = Date.now() + 180_000; ; await sleep(200)) {
    if (await fetch(`${url}/readyz`).then(({ ok }) => ok, () => false)) return
    if (child.exitCode !== null || Date.now() > endsAt) throw new Error('Signet did not start.')
  }
}

async function read (client: Client): Promise<string> {
  const { content } = await client.callTool({ name: 'read_notes', arguments: {} })
  return (content as { text: string }[])[0]?.text ?? ''
}

/** The person's own session: the tokens of a direct login in the same browser. */
async function ownToken (page: Page): Promise<string> {
  await page.goto(`${url}/login/dev`)
  await page.getByRole('button', { name: 'Verified Vera' }).click()
  await page.waitForURL(`${url}/login/dev/callback?**`)
  return /eyJ[\w-]+\.[\w-]+\.[\w-]+/.exec(await page.content())?.[0] ?? ''
}

const WAYS = [['a metadata document', document.url], ['dynamic registration', undefined]] as const

for (const [way, documentUrl] of WAYS) {
  t.test(`the MCP SDK's client, by ${way}: consent, a tool, more scope, a refresh, and taken back`, async (t) => {
    const page = await (await chromium.newContext()).newPage()
    const complaints: string[] = []
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()) })
    const { provider, open, codeFrom } = await startMcpClient(t, resource, documentUrl)

    // It discovers Signet, registers, and sends the person there.
    const first = open()
    await t.rejects(first.client.connect(first.transport), UNAUTHORIZED)
    const { authorizationUrl } = provider
    t.equal(authorizationUrl?.origin, url)
    t.equal(authorizationUrl?.searchParams.get('resource'), resource)
    t.equal(authorizationUrl?.searchParams.get('scope'), 'notes:read')
    const clientId = provider.client?.client_id ?? ''
    if (documentUrl === undefined) t.match(clientId, /^dynamic-/)
    else t.equal(clientId, documentUrl)

    // The page says who asks for what, and the keyboard alone answers it.
    await toConsent(page, String(authorizationUrl))
    const text = await page.getByRole('main').innerText()
    t.match(text, documentUrl === undefined ? 'Dynamic helper' : 'Notes helper')
    if (documentUrl !== undefined) t.match(text, new URL(documentUrl).host)
    t.match(text, 'An app on this computer')
    t.match(text, 'Read your notes')
    t.notMatch(text, 'Write notes for you')
    await page.keyboard.press('Tab')
    t.equal(await page.locator(':focus').innerText(), 'Allow')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${provider.redirectUrl}?**`)
    await first.transport.finishAuth(codeFrom(page, url))
    t.match(decodeJwt(provider.saved?.access_token ?? ''), { aud: resource, client_id: clientId, scope: 'notes:read' })

    // It calls a tool.
    const { client, transport } = open()
    await client.connect(transport)
    const notes = await read(client)
    t.match(notes, 'Buy milk')

    // Another tool needs more. With a refresh token the SDK would only refresh, so the app puts that aside.
    const write = () => client.callTool({ name: 'write_note', arguments: { note: 'Sell the cow' } })
    const { refresh_token: _aside, ...accessOnly } = provider.saved!
    provider.saved = accessOnly
    await t.rejects(write(), UNAUTHORIZED)
    t.equal(provider.authorizationUrl?.searchParams.get('scope'), 'notes:read notes:write')
    await toConsent(page, String(provider.authorizationUrl))
    t.match(await page.getByRole('main').innerText(), 'Write notes for you')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${provider.redirectUrl}?**`)
    await transport.finishAuth(codeFrom(page, url))
    t.match(await write(), { content: [{ text: 'Written' }] })
    t.equal(await read(client), `${notes}\nSell the cow`)

    // An access token that is no longer good is refreshed without anybody.
    const before = provider.saved!
    provider.saved = { ...before, access_token: `${before.access_token.slice(0, -4)}AAAA` }
    t.equal(await read(client), `${notes}\nSell the cow`)
    t.not(provider.saved?.refresh_token, before.refresh_token)
    t.match(decodeJwt(provider.saved?.access_token ?? ''), { scope: 'notes:read notes:write' })

    // The person takes it back, and the server refuses it within the delay of the feed.
    const headers = { authorization: `Bearer ${await ownToken(page)}` }
    const grants = (await readJson(await fetch(`${url}/me/grants`, { headers }))).items
    t.match(grants.filter((grant: { clientId: string }) => grant.clientId === clientId), [
      { clientId, resource, scope: 'notes:read notes:write' }
    ])
    const grant = `${url}/me/grants/${encodeURIComponent(clientId)}`
    t.equal((await fetch(grant, { method: 'DELETE', headers })).status, 204)
    const takenBackAt = Date.now()
    let outcome: unknown
    while (Date.now() - takenBackAt < 20_000) {
      outcome = await read(client).catch((error: unknown) => error)
      if (outcome instanceof Error) break
      await sleep(100)
    }
    t.ok(outcome instanceof UnauthorizedError, String(outcome))
    t.ok(Date.now() - takenBackAt < 10_000, `after ${Date.now() - takenBackAt} ms, of a poll each second`)
    t.equal(provider.saved, undefined, 'the SDK has thrown its tokens away: the refresh token is refused, too')
    t.same(complaints, [], 'the console is quiet')
  })
}

t.test('"Cancel" brings the SDK access_denied', async (t) => {
  const page = await (await chromium.newContext()).newPage()
  const { provider, open } = await startMcpClient(t, resource, document.url)
  const { client, transport } = open()
  await t.rejects(client.connect(transport), UNAUTHORIZED)
  await toConsent(page, `${provider.authorizationUrl}&prompt=consent`)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.waitForURL(`${provider.redirectUrl}?**`)
  t.equal(new URL(page.url()).searchParams.get('error'), 'access_denied')
})

t.test('the consent page can be read in light and dark, on a narrow screen, and by a screen reader', async (t) => {
  const { provider, open } = await startMcpClient(t, resource, document.url)
  const { client, transport } = open()
  await t.rejects(client.connect(transport), UNAUTHORIZED)
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await chromium.newContext({ colorScheme, viewport: { width: 320, height: 700 } })
    const page = await context.newPage()
    await toConsent(page, `${provider.authorizationUrl}&prompt=consent`)
    // The name of the app is in isolates: it cannot change the direction of the text.
    const title = /Allow \u2068Notes helper\u2069 to use Notes\?/
    t.match(await page.title(), title)
    await page.getByRole('heading', { level: 1, name: title }).waitFor()
    t.same(await page.getByRole('main').getByRole('button').allInnerTexts(), ['Allow', 'Cancel'])
    t.match(await page.getByRole('listitem').first().innerText(), 'Read your notes')
    t.ok(await page.evaluate<number>('document.documentElement.scrollWidth') <= 320, 'nothing to scroll sideways')
    t.equal(await page.evaluate('getComputedStyle(document.body).backgroundColor') === 'rgb(255, 255, 255)',
      colorScheme === 'light')
    if (process.env['SCREENSHOTS']) {
      await page.screenshot({ path: join(process.env['SCREENSHOTS'], `consent-${colorScheme}.png`), fullPage: true })
    }
    await context.close()
  }
})

t.test('a person who has allowed it is not asked again', async (t) => {
  const page = await (await chromium.newContext()).newPage()
  const { provider, open, codeFrom } = await startMcpClient(t, resource, document.url)
  const { client, transport } = open()
  await t.rejects(client.connect(transport), UNAUTHORIZED)
  await allow(page, String(provider.authorizationUrl))
  await page.goto(String(provider.authorizationUrl))
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await page.getByRole('button', { name: 'Verified Vera' }).click()
  await page.waitForURL(`${provider.redirectUrl}?**`)
  t.ok(codeFrom(page, url))
})
