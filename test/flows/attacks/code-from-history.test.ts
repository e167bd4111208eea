import t from 'tap'
import { createPkce } from '../../fakes/pkce.ts'
import { AS_WEB, REDIRECT_URI, SPA, WEB, setupWithClients } from '../setup-with-clients.ts'

t.test("wanted: the end of a person's session, by the spent code in the browser's history", async (t) => {
  const { sql, authorize, exchange, me } = await setupWithClients(t)
  const { code, codeVerifier } = await authorize()
  const { body: tokens } = await exchange(code, codeVerifier)
  const other = createPkce().verifier
  const attempts: [name: string, verifier: string, more: Record<string, string>][] = [
    ['another verifier', other, {}],
    ['another client', codeVerifier, { ...AS_WEB }],
    ['another client and verifier', other, { ...AS_WEB, redirect_uri: WEB.redirect_uris[0] as string }],
    ['another redirect URI', codeVerifier, { redirect_uri: SPA.redirect_uris[2] as string }],
    ['a redirect URI that no database takes', codeVerifier, { redirect_uri: `${REDIRECT_URI}\0` }]
  ]
  for (const [name, verifier, more] of attempts) {
    const { status, body } = await exchange(code, verifier, more)
    t.same([status, body.error], [400, 'invalid_grant'], name)
    t.notMatch(body.error_description, /used before/, `${name}: nor does it learn that the code was used`)
    t.equal(await me(tokens.access_token), 200, name)
  }
  t.equal((await sql.query("SELECT 1 FROM audit_events WHERE type = 'session.revoked'")).rowCount, 0)

  const again = await exchange(code, codeVerifier)
  t.same([again.status, again.body.error], [400, 'invalid_grant'])
  t.equal(await me(tokens.access_token), 401, 'its own client with its own verifier ends the session')
})
