import t from 'tap'
import { answerJson } from '../fakes/answers.ts'
import { startHttpFake, type HttpFake } from '../fakes/http-fake.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'

/** Grants whose access token or refresh token has expired, in the words of their providers. */

const inTime = () => AbortSignal.timeout(5_000)

/** With every URL at the fake, nothing is asked elsewhere. */
function create (fake: HttpFake, id: string, { token = '/token', api = '/api' } = {}): Provider {
  const prefix = id.toUpperCase()
  const settings = readSettings({
    [`${prefix}_CLIENT_ID`]: 'the-id',
    [`${prefix}_CLIENT_SECRET`]: 'the-secret',
    [`${prefix}_AUTHORIZATION_URL`]: `${fake.url}/authorize`,
    [`${prefix}_TOKEN_URL`]: fake.url + token,
    [`${prefix}_API_URL`]: fake.url + api,
    [`${prefix}_JWKS_URL`]: `${fake.url}/jwks`
  })
  return createProviders(settings.providers).get(id) as Provider
}

t.test('an access token that has expired is renewed, where only an access token takes the grant back', async (t) => {
  const fake = await startHttpFake(() => answerJson({ ok: true, access_token: 'renewed', token_type: 'bearer' }))
  t.teardown(() => fake.close())
  const held = { accessToken: 'the-access-token', refreshToken: 'the-refresh-token' }
  for (const [id, token, api, revoke] of [
    ['github', '/login/oauth/access_token', '/api/v3', '/api/v3/applications/the-id/grant'],
    ['kakao', '/oauth/token', '/v2', '/v1/user/unlink'],
    ['line', '/oauth2/v2.1/token', '/v2', '/oauth2/v2.1/revoke'],
    ['notion', '/v1/oauth/token', '/v1', '/v1/oauth/revoke'],
    ['slack', '/api/openid.connect.token', '/api', '/api/auth.revoke'],
    ['twitch', '/oauth2/token', '/helix', '/oauth2/revoke'],
    ['zoom', '/oauth/token', '/v2', '/oauth/revoke']
  ] as const) {
    await t.test(id, async (t) => {
      fake.heal()
      const provider = create(fake, id, { token, api })
      /** The paths of the calls, and the access token that the last one has. */
      const takeBack = async (tokens: Parameters<NonNullable<Provider['revoke']>>[0]) => {
        fake.reset()
        await provider.revoke?.(tokens, inTime())
        const { headers, body } = fake.calls().at(-1) ?? {}
        const sent = JSON.stringify([headers, body])
        const used = ['renewed', 'the-access-token'].filter((name) => sent.includes(name))
        return [...fake.calls().map(({ path }) => path), ...used]
      }

      t.same(await takeBack(held), [revoke, 'the-access-token'], 'not before it has expired')
      t.same(await takeBack({ ...held, isExpired: true }), [token, revoke, 'renewed'])
      t.match(fake.calls()[0]?.body, { grant_type: 'refresh_token', refresh_token: 'the-refresh-token' })
      t.same(await takeBack({ ...held, refreshToken: undefined, isExpired: true }), [revoke, 'the-access-token'])

      fake.fault(token, { kind: 'status', status: 400, body: { error: 'invalid_grant' } })
      t.same(await takeBack({ ...held, isExpired: true }), [token, revoke, 'the-access-token'], 'a grant that is over')

      fake.fault(token, { kind: 'status', status: 503, body: {} })
      await t.rejects(takeBack({ ...held, isExpired: true }), { code: 'provider_error' }, 'a later attempt may succeed')
      t.same(fake.calls().map(({ path }) => path), [token])
    })
  }

  await t.test('a refresh token takes the grant back by itself', async (t) => {
    fake.heal()
    fake.reset()
    await create(fake, 'discord').revoke?.({ ...held, isExpired: true }, inTime())
    t.match(fake.calls(), [{ path: '/token/revoke', body: { token: 'the-refresh-token' } }])
    t.equal(fake.calls().length, 1)
  })
})

t.test('Kakao says 401 of an access token that is over, and of other faults', async (t) => {
  const fake = await startHttpFake(() => answerJson({ id: 1 }))
  t.teardown(() => fake.close())
  const kakao = create(fake, 'kakao', { api: '/v2' })
  for (const [status, body, isOver] of [
    [401, { code: -401, msg: 'this access token does not exist' }, true],
    [401, { code: -401, msg: 'this access token is already expired' }, true],
    [401, { code: -401, msg: 'ip mismatched! callerIp=192.0.2.1. check out registered ips.' }, false],
    [401, { code: -406, msg: 'this access token' }, false],
    [401, 'this access token does not exist', false],
    [403, { code: -401, msg: 'this access token does not exist' }, false]
  ] as const) {
    fake.fault('/v1/user/unlink', { kind: 'status', status, body })
    const takenBack = kakao.revoke?.({ accessToken: 'the-access-token', refreshToken: undefined }, inTime())
    if (isOver) await t.resolves(takenBack as Promise<void>, JSON.stringify(body))
    else {
      const message = `Kakao: the revocation failed: HTTP ${status}.`
      await t.rejects(takenBack as Promise<void>, { code: 'provider_error', message }, JSON.stringify(body))
    }
  }
})

t.test('a refresh token that no longer works has other words at Reddit, Bitbucket and Yahoo', async (t) => {
  const fake = await startHttpFake(() => undefined)
  t.teardown(() => fake.close())
  for (const [id, status, body, code] of [
    ['reddit', 400, { error: 400 }, 'reauthorization_required'],
    ['reddit', 400, { message: 'Bad Request', error: 400 }, 'reauthorization_required'],
    ['reddit', 401, { message: 'Unauthorized', error: 401 }, 'provider_error'],
    ['reddit', 429, { message: 'Too Many Requests', error: 429 }, 'provider_error'],
    ['bitbucket', 400, { error: 'invalid_request', error_description: 'Invalid refresh_token' },
      'reauthorization_required'],
    ['bitbucket', 400, { error: 'invalid_request', error_description: 'Missing refresh_token' }, 'provider_error'],
    ['yahoo', 400, { error: 'INVALID_REFRESH_TOKEN', error_description: 'Failed to decode/encode refresh token' },
      'reauthorization_required'],
    ['yahoo', 401, { error: 'TOKEN_EXPIRED' }, 'reauthorization_required'],
    ['yahoo', 401, { error: 'INVALID_GRANT' }, 'reauthorization_required'],
    ['yahoo', 401, { error: 'INVALID_CLIENT_SECRET' }, 'provider_error'],
    ['yahoo', 503, { error: 'INVALID_GRANT' }, 'provider_error']
  ] as const) {
    fake.fault('/token', { kind: 'status', status, body })
    const refreshed = create(fake, id).refresh('the-refresh-token', '', inTime())
    await t.rejects(refreshed, { code }, `${id}: ${status} ${JSON.stringify(body)}`)
  }
})
