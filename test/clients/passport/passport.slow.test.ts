import { join } from 'node:path'
import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { freePort } from '../../free-port.ts'
import { startWebApp } from '../program.ts'
import { newSecret, startWorld } from '../world.ts'

const port = await freePort()
const app = `http://localhost:${port}`
const CLIENT = {
  client_id: 'passport',
  name: 'The Passport app',
  redirect_uris: [`${app}/callback`],
  client_secret: newSecret(),
  require_pkce: false
}

t.test('passport-openidconnect signs in without PKCE and reads who it is from userinfo', async (t) => {
  const { url } = await startWorld(t, [CLIENT])
  await startWebApp(t, app, [process.execPath, join(import.meta.dirname, 'app.js')], {
    ISSUER: url, CLIENT_ID: CLIENT.client_id, CLIENT_SECRET: CLIENT.client_secret, PORT: String(port)
  })

  const browser = createBrowser(app)
  t.equal((await browser.get('/')).json(), null)
  const home = await browser.get('/login', { follow: true })
  t.notOk(new URL(home.locations[0] ?? '').searchParams.has('code_challenge'))
  t.match(home, { status: 200, url: `${app}/` })
  t.match(home.json(), {
    id: /./, displayName: 'The Octocat', username: 'octocat', emails: [{ value: 'octocat@github.com' }]
  })
})
