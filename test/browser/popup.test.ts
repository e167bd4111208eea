import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { freePort } from '../free-port.ts'
import { choosePersona, startWorld } from './world.ts'

const port = await freePort()
const app = `http://127.0.0.1:${port}`
const redirectUri = `${app}/popup`
const world = await startWorld(t, {
  CLIENTS: JSON.stringify([
    {
      client_id: 'popup',
      name: 'The popup app',
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: [redirectUri]
    }
  ])
})
const { url } = world

/** 3.2 talks to its popup as its opener alone; later ones also by a channel that needs no opener. */
const VERSIONS = ['oidc-client-ts', 'oidc-client-ts-3.2']
const DISTRIBUTED = 'dist/browser/oidc-client-ts.min.js'

/** The library as its package has it for browsers, and a page with nothing but its settings. */
const page = (script: string) => `<!doctype html><title>App</title>
  <script>document.write('<script src="/' + (localStorage.version ?? 'oidc-client-ts') + '"></' + 'script>')</script>
  <script>
    const manager = new oidc.UserManager(${JSON.stringify({
      authority: url,
      client_id: 'popup',
      redirect_uri: redirectUri,
      popup_post_logout_redirect_uri: redirectUri,
      scope: 'openid profile'
    })})
    ${script}
  </script>`
const APP = page(`
  let result
  const start = (work) => { result = work().then((user) => user?.profile.name ?? 'done', (error) => error.message) }
`)
const POPUP = page('manager[location.search.includes("code=") || location.search.includes("error=") ? ' +
  '"signinPopupCallback" : "signoutPopupCallback"]()')

const server = createServer((request, response) => {
  const path = request.url?.split('?')[0] ?? ''
  const version = VERSIONS.find((version) => path === `/${version}`)
  if (version === undefined) response.setHeader('content-type', 'text/html').end(path === '/popup' ? POPUP : APP)
  else createReadStream(join(packageRoot, 'node_modules', version, DISTRIBUTED)).pipe(response)
}).listen(port, '127.0.0.1')
t.teardown(() => { server.close().closeAllConnections() })

/** Does this in the app, which opens a popup: that and the app. */
async function open (context: BrowserContext, work: string, at?: Page): Promise<{ main: Page, popup: Page }> {
  const main = at ?? await context.newPage()
  if (!at) await main.goto(app)
  const opened = context.waitForEvent('page')
  await main.evaluate(`void start(() => ${work})`)
  const popup = await opened
  return { main, popup }
}

/** The library closes the popup a moment after it has the answer. */
const isClosed = async (popup: Page) => { if (!popup.isClosed()) await popup.waitForEvent('close') }

const result = (main: Page) => main.evaluate<string>('result')

for (const version of VERSIONS) {
  t.test(`${version} signs a person in and out by popups, and hears of refusals`, async (t) => {
    const context = await world.visit(t)
    await context.addInitScript(`if (location.origin === '${app}') localStorage.version = '${version}'`)
    const { main, popup } = await open(context, 'manager.signinPopup()')
    await popup.getByRole('link', { name: 'Continue with Dev' }).click()
    await choosePersona(popup, 'Verified Vera')
    t.equal(await result(main), 'Verified Vera')
    await isClosed(popup)

    const { popup: bye } = await open(context, 'manager.signoutPopup()', main)
    t.equal(await result(main), 'done')
    await isClosed(bye)

    const { popup: declined } = await open(context, 'manager.signinPopup()', main)
    await declined.getByRole('link', { name: 'Continue with Dev' }).click()
    await choosePersona(declined, 'Says-no Sam')
    t.match(await result(main), /declined/)
    await isClosed(declined)

    const { popup: closed } = await open(context, 'manager.signinPopup({ popupAbortOnClose: true })', main)
    await closed.getByRole('link', { name: 'Continue with Dev' }).waitFor()
    await closed.close()
    t.match(await result(main), /closed by user/)
  })
}

t.test('the popup knows its opener on every page of a sign-in, those of errors included', async (t) => {
  const context = await world.visit(t)
  const pages = [
    '/login',
    '/login/nobody',
    '/login/dev/callback',
    '/oauth2/authorize?client_id=nobody',
    `/oauth2/authorize?client_id=popup&redirect_uri=${redirectUri}&response_type=code&code_challenge_method=S256` +
      `&code_challenge=${'x'.repeat(43)}`,
    '/oauth2/logout?id_token_hint=x'
  ]
  for (const path of pages) {
    const { popup } = await open(context, `(window.open('${url + path}'), Promise.resolve())`)
    await popup.waitForURL(url + path)
    t.equal(await popup.evaluate<boolean>('window.opener !== null'), true, path)
    await popup.close()
  }
})
