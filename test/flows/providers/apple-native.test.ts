import { createPublicKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import t from 'tap'
import { answerEmpty, answerJson } from '../../fakes/answers.ts'
import { startFakeApple, type FakeApple } from '../../fakes/apple.ts'
import { parameter, type Call } from '../../fakes/calls.ts'
import { startHttpFake } from '../../fakes/http-fake.ts'
import { eventually, readJson, setup } from '../../helper.ts'

/** What an app brings: the ID token, the authorization code, and the name, which Apple tells it alone. */

const IOS = 'com.example.signet.ios'
const SUBJECT = '001473.fb5f2a8d4c774d3f9e1a3c62c4a9be1f.1216'

async function idTokenFor (apple: FakeApple, claims: Record<string, unknown> = {}): Promise<string> {
  const redirectUri = 'http://localhost/app'
  const query = new URLSearchParams({
    response_type: 'code', client_id: apple.clientId, redirect_uri: redirectUri, scope: 'openid', response_mode: 'query'
  })
  const authorized = await fetch(`${apple.url}${apple.paths.authorize}?${query}`, { redirect: 'manual' })
  const code = new URL(authorized.headers.get('location') ?? '').searchParams.get('code') ?? ''
  apple.idToken({ claims: { aud: IOS, ...claims } })
  const answer = await fetch(apple.url + apple.paths.token, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
      client_id: apple.clientId,
      client_secret: await apple.makeSecret()
    })
  })
  return (await readJson(answer)).id_token
}

t.test('the code of an app is exchanged, and DELETE /me revokes the grant of that app', async (t) => {
  const apple = await startFakeApple()
  let otherPerson: string | undefined
  const codes = new Set(['c.code-1', 'c.code-2', 'c.code-3'])

  /** Apple's endpoints for a native client: its own client id, a secret for that id, and no redirect URI. */
  async function isTheApp ({ body }: Call): Promise<boolean> {
    const key = createPublicKey(apple.privateKey)
    const options = { issuer: apple.teamId, subject: IOS, audience: 'https://appleid.apple.com' }
    const isSecret = await jwtVerify(parameter(body, 'client_secret') ?? '', key, options).then(() => true, () => false)
    return isSecret && parameter(body, 'client_id') === IOS && parameter(body, 'redirect_uri') === undefined
  }
  const app = await startHttpFake(async (call) => {
    if (!await isTheApp(call)) return answerJson({ error: 'invalid_client' }, { status: 400 })
    if (call.path === '/revoke') return answerEmpty(200)
    const isCode = codes.delete(parameter(call.body, 'code') ?? '')
    if (!isCode) return answerJson({ error: 'invalid_grant' }, { status: 400 })
    const idToken = await idTokenFor(apple, otherPerson === undefined ? {} : { sub: otherPerson })
    const tokens = { access_token: 'a', refresh_token: 'r.the-grant', token_type: 'Bearer', expires_in: 1 }
    return answerJson({ ...tokens, id_token: idToken })
  })
  t.teardown(() => Promise.all([apple.close(), app.close()]))
  const { url, sql, log } = await setup(t, {
    ...apple.settings(),
    APPLE_NATIVE_CLIENT_IDS: IOS,
    APPLE_TOKEN_URL: `${app.url}/token`,
    APPLE_REVOCATION_URL: `${app.url}/revoke`,
    CLIENTS: JSON.stringify([{ client_id: 'app', name: 'The app', redirect_uris: [] }])
  })
  const signIn = async (more: Record<string, string>) => {
    const response = await fetch(`${url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: await idTokenFor(apple),
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        provider: 'apple',
        client_id: 'app',
        scope: 'openid provider_token',
        ...more
      })
    })
    return { status: response.status, body: await readJson(response) }
  }
  const users = async () => (await sql.query('SELECT 1 FROM users')).rowCount

  t.match(await signIn({ code: 'c.unknown' }), { status: 502, body: { error: 'server_error' } })
  otherPerson = '000000.other.0000'
  t.match(await signIn({ code: 'c.code-1' }), { status: 502, body: { error: 'server_error' } }, 'the code of another')
  otherPerson = undefined
  t.equal(await users(), 0)

  const { status, body } = await signIn({ code: 'c.code-2', name: ' Anne\u0000 Haro ' })
  t.equal(status, 200, JSON.stringify(body))
  const headers = { authorization: `Bearer ${body.access_token}` }
  const me = await readJson(await fetch(`${url}/me`, { headers }))
  t.match(me, { name: /^Anne\s+Haro$/, accounts: [{ provider: 'apple', subject: SUBJECT }] })
  const again = await signIn({ name: '' })
  t.equal(again.status, 200, 'without a code, as before')

  const lent = await fetch(`${url}/me/accounts/${me.accounts[0].id}/token`, { method: 'POST', headers })
  t.equal(lent.status, 409, 'only the app may refresh its tokens')
  t.equal((await fetch(`${url}/me`, { method: 'DELETE', headers })).status, 204)
  await eventually('the revocation', () => app.calls('/revoke').length > 0)
  t.match(app.calls('/revoke'), [{ body: { token: 'r.the-grant', token_type_hint: 'refresh_token', client_id: IOS } }])
  t.notMatch(log(), /r\.the-grant|c\.code-/)
})
