import t from 'tap'
import { AS_WEB, setupWithClients } from '../setup-with-clients.ts'

t.test('wanted: a role that was taken away, until the access token ends', async (t) => {
  const { sql, post, signIn, refresh } = await setupWithClients(t)
  const setRoles = (roles: string[]) => sql.query('UPDATE users SET roles = $1', [roles])
  const introspect = async (token: string) => (await post('/oauth2/introspect', { ...AS_WEB, token })).body
  await signIn()
  await setRoles(['admin', 'editor'])
  const tokens = await signIn()
  t.match(await introspect(tokens.access_token), { active: true, token_type: 'Bearer', roles: ['admin', 'editor'] })
  await setRoles(['editor'])
  t.same((await introspect(tokens.access_token)).roles, ['editor'])
  await setRoles([])
  t.same((await introspect(tokens.access_token)).roles, [])
  await setRoles(['author'])
  t.same((await introspect(tokens.access_token)).roles, ['author'], 'one that was given counts too')

  t.notOk('roles' in await introspect(tokens.refresh_token), 'a refresh token has none')
  const { body } = await refresh(tokens.refresh_token)
  await sql.query('UPDATE users SET disabled_at = now()')
  t.same(await introspect(body.access_token), { active: false })
  await sql.query('UPDATE users SET disabled_at = NULL')
  await sql.query('UPDATE sessions SET revoked_at = now()')
  t.same(await introspect(body.access_token), { active: false })
})
