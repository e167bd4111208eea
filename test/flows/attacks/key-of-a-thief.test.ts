import t from 'tap'
import { createDpopKey } from '../../fakes/dpop.ts'
import { sharing } from '../../helper.ts'
import { setupWithClients } from '../setup-with-clients.ts'

// A thief has a copy of a refresh token that is bound to no key, and binds the session to a key of its own: then no
// token of the client's counts any more, and a client that is refused does not ask again.

const world = sharing(t, async (t, environment = {}) => {
  const signet = await setupWithClients(t, environment)
  const key = await createDpopKey()

  async function refreshAsThief (refreshToken: string) {
    const dpop = await key.prove('POST', `${signet.url}/oauth2/token`)
    return await signet.token({ grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'spa' }, { dpop })
  }

  const thefts = async () =>
    (await signet.sql.query("SELECT 1 FROM audit_events WHERE type = 'token.reuse_detected'")).rowCount
  return { ...signet, refreshAsThief, thefts }
})

t.test("wanted: to keep a session and its client out of it, by a refresh just before the client's", async (t) => {
  const { signIn, refresh, refreshAsThief, thefts } = await world(t)
  const { refresh_token: stolen } = await signIn()
  const bound = await refreshAsThief(stolen)
  t.match(bound, { status: 200, body: { token_type: 'DPoP' } })
  t.match(await refresh(stolen), { status: 400, body: { error: 'invalid_grant' } })
  t.equal(await thefts(), 1, 'a refresh without the key is reported as reuse')
  t.match(await refreshAsThief(bound.body.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
})

t.test("wanted: the same, by a repeat of a refresh of the client's", async (t) => {
  const { signIn, refresh, refreshAsThief, thefts } = await world(t)
  const { refresh_token: stolen } = await signIn()
  const { refresh_token: successor } = (await refresh(stolen)).body
  const repeated = await refreshAsThief(stolen)
  t.match(repeated, { status: 200, body: { token_type: 'DPoP', refresh_token: successor } })
  const { status, body } = await refresh(successor)
  t.equal(status, 200, 'the client goes on')
  t.equal(await thefts(), 0)

  const next = await refreshAsThief(body.refresh_token)
  t.equal(next.status, 200)
  t.equal((await refresh(body.refresh_token)).status, 400)
  t.equal(await thefts(), 1)
  t.equal((await refreshAsThief(next.body.refresh_token)).status, 400)
})

t.test('a client that begins to send proofs repeats its first one, and goes on', async (t) => {
  const { signIn, refreshAsThief: refreshWithKey, thefts } = await world(t)
  const { refresh_token: refreshToken } = await signIn()
  const first = await refreshWithKey(refreshToken)
  const again = await refreshWithKey(refreshToken)
  t.equal(again.body.refresh_token, first.body.refresh_token)
  t.equal((await refreshWithKey(first.body.refresh_token)).status, 200)
  t.equal(await thefts(), 0)
})
