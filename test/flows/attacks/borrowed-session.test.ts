import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { createSealer } from '../../../src/vault/sealing.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { ENCRYPTION_KEYS, readJson, setup } from '../../helper.ts'
import { slow } from '../../slow.ts'
import { sessionOf } from '../signed-in.ts'

// A session id is no secret: access tokens, the audit trail and webhooks have it. Together with ENCRYPTION_KEYS it
// must not be enough for the session's tokens, nor to end it.

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const TV = { client_id: 'tv', name: 'The television', redirect_uris: [] }

async function world (t: Test) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  github.user({ id: 1, login: 'victim', name: 'The victim' })
  const running = await setup(t, { ...github.settings, CLIENTS: JSON.stringify([TV]) })
  const { url, origin, sql } = running
  const victim = (await createBrowser(url).login('/login/github')).json()
  const sessionId = sessionOf(victim.access_token)

  async function post (path: string, form: Record<string, string>, headers: Record<string, string> = {}) {
    const response = await fetch(url + path, { method: 'POST', body: new URLSearchParams(form), headers })
    const text = await response.text()
    return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : undefined }
  }
  const begin = async () => (await post('/oauth2/device_authorization', { client_id: 'tv', scope: 'openid' })).body
  const poll = (deviceCode: string) =>
    post('/oauth2/token', { grant_type: DEVICE_GRANT, device_code: deviceCode, client_id: 'tv' })

  /** The cookie of a visit that has signed in, made by somebody who has the keys. */
  function forgeVisit (grant: { device_code: string, user_code: string }, sessionId: string): string {
    const [id = '', key = ''] = ENCRYPTION_KEYS.split(':')
    const sealer = createSealer([{ id, key: Buffer.from(key, 'base64') }], 'device-visit')
    const visit = {
      deviceCodeHash: hashOf(grant.device_code).toString('base64url'),
      userCode: grant.user_code.replace('-', ''),
      clientId: 'tv',
      scope: 'openid',
      sessionId,
      userName: 'The victim',
      at: Date.now()
    }
    return `signet-device=${sealer.seal(JSON.stringify(visit), 'device-visit')}`
  }
  const decide = (cookie: string, decision: string) =>
    post('/device/confirm', { decision }, { cookie, origin })

  const isVictimSignedIn = async () =>
    (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${victim.access_token}` } })).status === 200
  /** Signs another person in for a device, up to the confirmation. The id of the session. */
  async function signInForDevice (userCode: string): Promise<string> {
    github.user({ id: 2, login: 'attacker', name: 'The attacker' })
    const browser = createBrowser(url)
    await browser.post('/device', { form: { user_code: userCode }, headers: { origin } })
    await browser.login('/device/login/github')
    const { rows } = await sql.query("SELECT id FROM sessions WHERE client_id = 'tv' ORDER BY id DESC LIMIT 1")
    return rows[0].id
  }
  return { ...running, sessionId, begin, poll, forgeVisit, decide, isVictimSignedIn, signInForDevice }
}

const hashOf = (deviceCode: string) => createHash('sha256').update(deviceCode).digest()

slow.test('wanted: the tokens of a session, by its id and the keys: a forged visit of a device', async (t) => {
  const { begin, poll, forgeVisit, decide, isVictimSignedIn, sessionId, signInForDevice, sql } = await world(t)
  const [own, other] = [await begin(), await begin()]
  for (const [name, id] of Object.entries({
    'a session of cookie mode': sessionId,
    'a session that was opened for another device': await signInForDevice(other.user_code),
    'a session that does not exist': '019c0000-0000-7000-8000-000000000000'
  })) {
    const visit = forgeVisit(own, id)
    t.equal((await decide(visit, 'approve')).status, 400, name)
    t.equal((await decide(visit, 'deny')).status, 400, name)
    t.equal((await poll(own.device_code)).body.access_token, undefined, name)
  }
  t.equal(await isVictimSignedIn(), true, 'nor does the refusal end it')
  const { rows } = await sql.query('SELECT session_id FROM device_grants WHERE session_id IS NOT NULL')
  t.same(rows, [])
  t.equal((await sql.query('SELECT 1 FROM sessions WHERE revoked_at IS NOT NULL')).rowCount, 0)
})

t.test('wanted: the tokens of a session, by its id in the row of a device', async (t) => {
  const { begin, poll, isVictimSignedIn, sessionId, signInForDevice, sql } = await world(t)
  const other = await signInForDevice((await begin()).user_code)
  for (const id of [sessionId, other]) {
    const grant = await begin()
    const row = [id, hashOf(grant.device_code)]
    await sql.query('UPDATE device_grants SET session_id = $1 WHERE device_code_hash = $2', row)
    const answer = await poll(grant.device_code)
    t.same([answer.status, answer.body.access_token], [400, undefined])
    t.equal(answer.body.error, 'invalid_grant')
  }
  t.equal(await isVictimSignedIn(), true)
})

t.test('wanted: the tokens of a session, by its id in the row of an authorization code', async (t) => {
  const { url, sessionId, sql, isVictimSignedIn } = await world(t)
  const [verifier, code] = ['v'.repeat(43), 'a code']
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  await sql.query(
    `INSERT INTO authorization_codes (hash, session_id, client_id, redirect_uri, code_challenge, expires_at)
     VALUES ($1, $2, 'tv', 'https://tv.example/', $3, now() + interval '1 minute')`,
    [hashOf(code), sessionId, challenge]
  )
  const response = await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      client_id: 'tv',
      redirect_uri: 'https://tv.example/',
      code_verifier: verifier
    })
  })
  t.same([response.status, (await readJson(response)).error], [400, 'invalid_grant'])
  t.equal(await isVictimSignedIn(), true)
})
