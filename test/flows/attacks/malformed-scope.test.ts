import t from 'tap'
import { setupWithClients } from '../setup-with-clients.ts'

t.test('wanted: a scope that the next reader takes for another', async (t) => {
  const { ask, post, refresh, signIn } = await setupWithClients(t)
  const tokens = await signIn()
  const malformed = ['openid "profile"', 'openid\\profile', 'openid\tprofile', 'openid\nemail', 'openid\0', 'openid é',
    'openid\u00a0profile', '"', '\x7f']
  for (const scope of malformed) {
    const name = JSON.stringify(scope)
    const answer = new URL((await ask({ scope })).headers.get('location') ?? '')
    t.equal(answer.searchParams.get('error'), 'invalid_scope', name)
    t.equal(answer.searchParams.get('state'), 'the state', name)
    t.equal(answer.origin, 'https://app.example.com', name)
    const device = await post('/oauth2/device_authorization', { client_id: 'spa', scope })
    t.same([device.status, device.body.error], [400, 'invalid_scope'], name)
    const refreshed = await refresh(tokens.refresh_token, { client_id: 'spa', scope })
    t.same([refreshed.status, refreshed.body.error], [400, 'invalid_scope'], name)
    const native = await post('/oauth2/token', {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      subject_token: 'x',
      provider: 'github',
      client_id: 'spa',
      scope
    })
    t.same([native.status, native.body.error], [400, 'invalid_scope'], name)
  }
  t.equal((await refresh(tokens.refresh_token)).status, 200, 'the refresh token is not spent')
  t.equal((await ask({ scope: "openid urn:x:y!#[]^`{}~ user's" })).status, 302, 'an unknown scope is ignored')
})
