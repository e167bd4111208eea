import t from 'tap'
import { setupWithClients, WEB } from './setup-with-clients.ts'

/** As `openssl rand -base64` makes them, and worse. */
const SECRET = 'pasted+from/the%20terminal%3D=='
const { url, post, authorize, exchange } = await setupWithClients(t, {
  CLIENTS: JSON.stringify([{ ...WEB, client_secret: SECRET }])
})

const header = (secret: string) => ({
  authorization: `Basic ${Buffer.from(`${WEB.client_id}:${secret}`).toString('base64')}`
})

const ACCEPTED = { 'as it is': SECRET, 'as RFC 6749 encodes it': encodeURIComponent(SECRET) }
const REFUSED = {
  'encoded twice': encodeURIComponent(encodeURIComponent(SECRET)),
  decoded: decodeURIComponent(SECRET),
  'without its end': SECRET.slice(0, -1)
}

for (const [how, secret] of Object.entries(ACCEPTED)) {
  t.test(`a secret with + / % = works in Basic ${how}, wherever a client proves itself`, async (t) => {
    const redirectUri = WEB.redirect_uris[0] as string
    const { code, codeVerifier } = await authorize({ client_id: 'web', redirect_uri: redirectUri })
    const form = { client_id: 'web', redirect_uri: redirectUri }
    const exchanged = await exchange(code, codeVerifier, form, header(secret))
    t.equal(exchanged.status, 200)
    const { access_token: token } = exchanged.body
    t.match((await post('/oauth2/introspect', { token }, header(secret))).body, { active: true })
    t.equal((await fetch(`${url}/revocations`, { headers: header(secret) })).status, 200)
    t.equal((await post('/oauth2/device_authorization', { scope: '' }, header(secret))).status, 200)
    t.equal((await post('/oauth2/revoke', { token }, header(secret))).status, 200)
  })
}

t.test('nothing else that looks like it works', async (t) => {
  for (const [how, secret] of Object.entries(REFUSED)) {
    const refused = await post('/oauth2/introspect', { token: 'x' }, header(secret))
    t.match(refused, { status: 401, body: { error: 'invalid_client' } }, how)
    t.equal((await fetch(`${url}/revocations`, { headers: header(secret) })).status, 401, how)
  }
})
