import { join } from 'node:path'
import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { freePort } from '../../free-port.ts'
import { startWebApp } from '../program.ts'
import { newSecret, startWorld } from '../world.ts'

const port = await freePort()
const app = `http://localhost:${port}`
const CLIENT = {
  client_id: 'auth-js',
  name: 'The Auth.js app',
  redirect_uris: [`${app}/auth/callback/signet`],
  client_secret: newSecret()
}

t.test('Auth.js signs in with nothing but the issuer and a client, and reads who it is', async (t) => {
  const { url, me } = await startWorld(t, [CLIENT])
  await startWebApp(t, app, [process.execPath, join(import.meta.dirname, 'app.js')], {
    ISSUER: url, CLIENT_ID: CLIENT.client_id, CLIENT_SECRET: CLIENT.client_secret, PORT: String(port)
  })

  const browser = createBrowser(app)
  t.equal((await browser.get('/')).json(), null)
  const { csrfToken } = (await browser.get('/auth/csrf')).json()
  const home = await browser.post('/auth/signin/signet', { form: { csrfToken, callbackUrl: app }, follow: true })
  t.match(home, { status: 200, url: `${app}/` })
  t.match(home.json(), { user: { name: 'The Octocat', email: 'octocat@github.com' } })
  t.equal(await me(home.json().accessToken), 200)
})
