import { randomBytes } from 'node:crypto'
import t from 'tap'
import { isOwnPage } from '../../src/page-sessions/own-pages.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createBrowser } from '../fakes/browser.ts'
import { pagesOf } from '../flows/pages-world.ts'
import { sessionOf, signedIn } from '../flows/signed-in.ts'
import { ENCRYPTION_KEYS } from '../helper.ts'

const COOKIE = 'signet-pages'
const { url, sql, login } = await signedIn(t)
const { get, visit } = pagesOf(url)
const [id = '', key = ''] = ENCRYPTION_KEYS.split(':')
const sealer = createSealer([{ id, key: Buffer.from(key, 'base64') }], 'page-session')

/** Whether a cookie with this content, sealed with the server's own key, opens the pages. */
async function opens (content: object): Promise<boolean> {
  const browser = createBrowser(url)
  browser.plantCookie(`${COOKIE}=${sealer.seal(JSON.stringify(content), COOKIE)}; Path=/`)
  return (await get(browser, '/account')).status === 200
}

t.test('the keys of the server, the database and the id of a session make no cookie of the pages', async (t) => {
  const browser = await visit()
  const { value = '' } = browser.cookies().find(({ name }) => name === COOKIE) ?? {}
  const content = JSON.parse(sealer.open(value, COOKIE) ?? '')
  t.ok(await opens(content), 'the forgery is as the real one is made')
  const { rows: [session] } = await sql.query('SELECT id, secret_hash, page_secret_hash FROM sessions')
  t.equal(content.sessionId, session.id)
  for (const secret of [randomBytes(32), session.page_secret_hash, session.secret_hash, Buffer.alloc(0)]) {
    t.notOk(await opens({ sessionId: session.id, secret: secret.toString('base64url') }))
  }
})

t.test('no session opens the pages but one that was made for them', async (t) => {
  const { access_token: accessToken, refresh_token: refreshToken } = await login()
  const sessionId = sessionOf(accessToken)
  const secret = Buffer.from(refreshToken, 'base64url').subarray(20, 52).toString('base64url')
  t.notOk(await opens({ sessionId, secret }), 'with the secret of its refresh token')
  const personal = await fetch(`${url}/me/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'x', expiresInDays: 1 })
  })
  const { refreshToken: token, id } = await personal.json() as { refreshToken: string, id: string }
  const tokenSecret = Buffer.from(token.slice(10), 'base64url').subarray(16).toString('base64url')
  t.notOk(await opens({ sessionId: id, secret: tokenSecret }), 'a personal token')
})

t.test('a cookie that was altered, or sealed for something else, opens nothing', async (t) => {
  const browser = await visit()
  const { value = '' } = browser.cookies().find(({ name }) => name === COOKIE) ?? {}
  const content = sealer.open(value, COOKIE) ?? ''
  const [key = ''] = value.split('.')
  const forgeries = [
    '', 'x', `${value}x`, value.slice(0, -2), `${key}.${'A'.repeat(80)}`, sealer.seal(content, 'device-visit'),
    Buffer.from(content).toString('base64url')
  ]
  for (const forgery of forgeries) {
    const other = createBrowser(url)
    other.plantCookie(`${COOKIE}=${forgery}; Path=/`)
    t.equal((await get(other, '/account')).status, 303, forgery)
  }
})

t.test('only a login that returns to the pages opens a session of the pages', (t) => {
  for (const own of ['/account', '/account/', '/account/tokens', '/account?done=x', '/admin', '/admin/pages/keys']) {
    t.ok(isOwnPage('https://id.example.com', `https://id.example.com${own}`), own)
    t.ok(isOwnPage('https://example.com/auth', `https://example.com/auth${own}`), own)
  }
  for (const foreign of [
    'https://id.example.com/', 'https://id.example.com/accounts', 'https://id.example.com/x/account',
    'https://id.example.com/account/../me', 'http://id.example.com/account', 'https://id.example.com:444/account',
    'https://id.example.com.evil.example/account', 'https://evil.example/account', '//id.example.com/account', 'x'
  ]) t.notOk(isOwnPage('https://id.example.com', foreign), foreign)
  t.notOk(isOwnPage('https://example.com/auth', 'https://example.com/account'))
  t.notOk(isOwnPage('https://example.com/auth', 'https://example.com/authx/account'))
  t.end()
})
