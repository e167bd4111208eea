import { decodeProtectedHeader } from 'jose'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { readJson } from '../helper.ts'
import { setupWithClients, SPA } from './setup-with-clients.ts'

const BYE = SPA.post_logout_redirect_uris[0] as string
const HTML = { headers: { accept: 'text/html' } }
const ORIGIN = 'https://app.example.com'

/** Makes the keys older, and starts an instance, which rotates them and forgets what is over. */
async function afterRotation ({ sql, another }: Awaited<ReturnType<typeof setupWithClients>>, days: number) {
  await sql.query(
    `UPDATE signing_keys SET created_at = created_at - $1 * interval '1 day',
      activated_at = activated_at - $1 * interval '1 day', retired_at = retired_at - $1 * interval '1 day'`,
    [days]
  )
  return (await another()).address
}

const hint = async (address: string, idToken: string, more: Record<string, string> = {}) =>
  await fetch(`${address}/oauth2/logout?${new URLSearchParams({ id_token_hint: idToken, ...more })}`, {
    redirect: 'manual'
  })

t.test('an ID token is a hint for as long as its session may live, whatever keys were rotated since', async (t) => {
  const world = await setupWithClients(t)
  const { id_token: idToken, access_token: accessToken, refresh_token: refreshToken } = await world.signIn()
  const { kid } = decodeProtectedHeader(idToken)
  await afterRotation(world, 91)
  const address = await afterRotation(world, 80)
  const { keys } = await readJson(await fetch(`${address}/.well-known/jwks.json`))
  t.notOk(keys.some((key: { kid: string }) => key.kid === kid), 'its key is no longer published')
  const me = await fetch(`${address}/me`, { headers: { authorization: `Bearer ${accessToken}` } })
  t.equal(me.status, 401, 'nor does an access token of that key count, though it has not expired')

  const done = await hint(address, idToken, { post_logout_redirect_uri: BYE, state: 'x' })
  t.match([done.status, done.headers.get('location')], [302, `${BYE}?state=x`])
  t.match(await world.refresh(refreshToken), { status: 400, body: { error: 'invalid_grant' } })
  t.equal((await hint(address, idToken)).status, 200, 'again')

  const later = await afterRotation(world, 181)
  t.equal((await hint(later, idToken)).status, 400, 'when no session of then is alive, the key is gone')
  t.equal((await world.sql.query('SELECT 1 FROM signing_keys WHERE kid = $1', [kid])).rowCount, 0)
})

t.test('without a hint a page asks, and ends what the cookie of this browser holds', async (t) => {
  const { url, origin } = await setupWithClients(t, { ALLOWED_ORIGINS: ORIGIN })
  const browser = createBrowser(url)
  await browser.login(`/login/github?return_to=${ORIGIN}/`)
  const isSignedIn = async () => {
    const headers = { origin: ORIGIN }
    return (await browser.post('/oauth2/token', { form: { grant_type: 'refresh_token' }, headers })).status === 200
  }
  t.ok(await isSignedIn())

  const parameters = { client_id: 'spa', post_logout_redirect_uri: BYE, state: '<x> "y"' }
  const path = `/oauth2/logout?${new URLSearchParams(parameters)}`
  const asked = await browser.get(path, HTML)
  t.match(asked.status, 200)
  t.match(asked.text, /<h1>Sign out\?<\/h1>[^]*The app asks to sign you out of localhost/)
  t.match(asked.headers.get('content-security-policy'), /form-action 'self' https:$/)
  t.match(asked.text, 'name="state" value="&lt;x&gt; &quot;y&quot;"')
  t.ok(await isSignedIn(), 'asking ends nothing')

  const form = { ...parameters, confirmed: 'yes' }
  for (const origin of ['https://evil.example', ORIGIN, 'null']) {
    const forged = await browser.post('/oauth2/logout', { form, headers: { origin, accept: 'text/html' } })
    t.match(forged.text, /Sign out\?/, `a form of ${origin} is asked about, too`)
  }
  t.match((await browser.get(`${path}&confirmed=yes`, HTML)).text, /Sign out\?/, 'a link signs nobody out')
  t.ok(await isSignedIn())

  const done = await browser.post('/oauth2/logout', { form, headers: { origin, accept: 'text/html' } })
  t.match([done.status, done.location], [302, `${BYE}?state=%3Cx%3E+%22y%22`])
  t.notOk(await isSignedIn())
  const empty = await browser.post('/oauth2/logout', { form: { confirmed: 'yes' }, headers: { origin } })
  t.match(empty.text, /Signed out/, 'who is signed out already, with nowhere to go')
})

t.test('a page asks only on behalf of a client that exists, to go where it registered', async (t) => {
  const { logout } = await setupWithClients(t)
  for (const [query, words] of [
    [{ client_id: 'nobody' }, 'There is no client'],
    [{ post_logout_redirect_uri: BYE }, 'needs an id_token_hint or a client_id'],
    [{ client_id: 'spa', post_logout_redirect_uri: 'https://evil.example/' }, 'is not registered'],
    [{ client_id: 'web', post_logout_redirect_uri: BYE }, 'is not registered']
  ] as const) {
    const refused = await logout(query, { accept: 'text/html' })
    t.equal(refused.status, 400, words)
    t.match(await refused.text(), words)
  }
  t.match(await (await logout({}, { accept: 'text/html' })).text(), /Sign out\?/)
  const script = await logout({ client_id: 'spa' })
  t.equal(script.status, 400)
  t.match(await readJson(script), { error: 'invalid_request', error_description: 'id_token_hint is missing.' })
})
