import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { freePort } from '../../free-port.ts'
import { startWebApp } from '../program.ts'
import { newSecret, startWorld } from '../world.ts'

const port = await freePort()
const app = `http://localhost:${port}`
const page = `${app}/protected/page.txt`
const CLIENT = {
  client_id: 'apache',
  name: 'The Apache server',
  redirect_uris: [`${app}/protected/callback`],
  client_secret: newSecret()
}

const PROGRAM = '/usr/sbin/apache2'
const MODULES = '/usr/lib/apache2/modules'
const installed = existsSync(PROGRAM) && existsSync(join(MODULES, 'mod_auth_openidc.so'))
const withoutApache = !installed &&
  'Apache with mod_auth_openidc is not installed here (Debian: apt-get install libapache2-mod-auth-openidc)'

t.test('Apache shows a protected page once mod_auth_openidc has signed in', { skip: withoutApache }, async (t) => {
  const { url, sql } = await startWorld(t, [CLIENT])
  const folder = await mkdtemp(join(tmpdir(), 'signet-apache-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755) // started by root, Apache reads it as another user
  await mkdir(join(folder, 'protected'))
  await writeFile(join(folder, 'protected/page.txt'), 'The protected page.')

  const config = join(import.meta.dirname, 'httpd.conf')
  await startWebApp(t, app, [PROGRAM, '-f', config, '-D', 'FOREGROUND'], {
    FOLDER: folder,
    MODULES,
    PORT: String(port),
    ISSUER: url,
    CLIENT_ID: CLIENT.client_id,
    CLIENT_SECRET: CLIENT.client_secret,
    PASSPHRASE: randomBytes(16).toString('hex')
  })

  const browser = createBrowser(app)
  t.match(await browser.get(page), { status: 302, location: `${url}/oauth2/authorize` })
  const shown = await browser.get(page, { follow: true })
  t.match(shown, { status: 200, url: page, text: 'The protected page.' })
  const { rows: [user] } = await sql.query('SELECT id FROM users')
  t.equal(shown.headers.get('x-email'), 'octocat@github.com')
  t.equal(shown.headers.get('x-subject'), user.id)
})
