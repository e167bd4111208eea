import t from 'tap'
import { AS_WEB, basic, setupWithClients, SPA, WEB } from './setup-with-clients.ts'

const OLD = { ...WEB, client_id: 'old', require_pkce: false }
const world = await setupWithClients(t, { CLIENTS: JSON.stringify([SPA, WEB, OLD]) })
const { ask, authorize, exchange, token, me, sql } = world

const AS_OLD = { ...AS_WEB, client_id: 'old' }
const redirectUri = WEB.redirect_uris[0] as string
const NO_PKCE = { code_challenge: undefined, code_challenge_method: undefined }
const at = (clientId: string) => ({ client_id: clientId, redirect_uri: redirectUri })

/** The exchange without a verifier. */
const redeem = (code: string, more: Record<string, string> = {}, headers = {}) =>
  token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...more }, headers)

t.test('a confidential client registered so signs in without PKCE', async (t) => {
  for (const [body, headers] of [[AS_OLD, {}], [{}, basic(WEB.client_secret, 'old')]] as const) {
    const { code } = await authorize({ ...at('old'), ...NO_PKCE })
    const { status, body: tokens } = await redeem(code, body, headers)
    t.equal(status, 200)
    t.equal(await me(tokens.access_token), 200)
    t.equal((await redeem(code, body, headers)).status, 400, 'once')
    t.equal(await me(tokens.access_token), 401, 'and a replay ends its session')
  }
})

t.test('every other client needs it, and so does linking', async (t) => {
  for (const more of [NO_PKCE, { ...at('web'), ...NO_PKCE }, { ...at('old'), ...NO_PKCE, intent: 'link' }]) {
    const { searchParams } = new URL((await ask(more)).headers.get('location') ?? '')
    t.match([searchParams.get('error'), searchParams.get('code')], ['invalid_request', null])
    t.match(searchParams.get('error_description'), /code_challenge is missing/)
  }
  const half = new URL((await ask({ ...at('old'), code_challenge: undefined })).headers.get('location') ?? '')
  t.equal(half.searchParams.get('error'), 'invalid_request', 'a method without a challenge')
})

t.test('a code with a challenge takes its verifier, and one without takes none (no downgrade)', async (t) => {
  const withPkce = await authorize(at('old'))
  t.match((await redeem(withPkce.code, AS_OLD)).body, { error: 'invalid_grant' })
  t.equal((await exchange(withPkce.code, withPkce.codeVerifier, { ...AS_OLD, redirect_uri: redirectUri })).status, 200)

  const without = await authorize({ ...at('old'), ...NO_PKCE })
  const forged = await exchange(without.code, without.codeVerifier, { ...AS_OLD, redirect_uri: redirectUri })
  t.match(forged.body, { error: 'invalid_grant' })
  t.equal((await redeem(without.code, AS_OLD)).status, 200)

  const ofWeb = await authorize(at('web'))
  t.match((await redeem(ofWeb.code, AS_WEB)).body, { error: 'invalid_request' })
})

t.test('its secret is what protects the code', async (t) => {
  const { code } = await authorize({ ...at('old'), ...NO_PKCE })
  for (const wrong of [{ client_id: 'old' }, { ...AS_OLD, client_secret: 'wrong' }]) {
    t.match(await redeem(code, wrong), { status: 401, body: { error: 'invalid_client' } })
  }
  t.match((await redeem(code, AS_WEB)).body, { error: 'invalid_request' }, 'nor is it of use to another client')
  t.match((await redeem(code, { client_id: 'spa' })).body, { error: 'invalid_request' })
  t.equal((await redeem(code, AS_OLD)).status, 200)
  t.equal((await sql.query("SELECT 1 FROM sessions WHERE revoked_at IS NOT NULL AND client_id = 'web'")).rowCount, 0)
})
