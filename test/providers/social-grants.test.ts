import t, { type Test } from 'tap'
import { answerJson } from '../fakes/answers.ts'
import { startFakeOAuth, type FakeOAuth, type OAuthSpec } from '../fakes/oauth.ts'
import type { Profile, Provider, TokenSet } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'

/** Grants of LinkedIn, Slack, Twitch and Spotify, renewed and taken back, in their own words. */

const inTime = () => AbortSignal.timeout(5_000)

async function grant (
  t: Test,
  spec: OAuthSpec
): Promise<{ fake: FakeOAuth, provider: Provider, tokens: TokenSet, profile: Profile }> {
  const fake = await startFakeOAuth(spec)
  t.teardown(() => fake.close())
  const provider = createProviders(readSettings(fake.settings).providers).get(spec.id) as Provider
  const { url, secrets } = await provider.authorize()
  const callback = new URL((await fetch(url, { redirect: 'manual' })).headers.get('location') as string)
  const [code, state] = ['code', 'state'].map((name) => callback.searchParams.get(name)) as [string, string]
  const response = { code, state, iss: undefined, user: undefined, secrets, signal: inTime() }
  const { tokens, profile } = await provider.identify(response)
  fake.reset()
  return { fake, provider, tokens, profile }
}

t.test('LinkedIn', async (t) => {
  const { fake, provider, tokens } = await grant(t, {
    id: 'linkedin',
    paths: {
      authorize: '/oauth/v2/authorization',
      token: '/oauth/v2/accessToken',
      api: '/v2',
      revoke: '/oauth/v2/revoke'
    },
    authentication: 'client_secret_post',
    routes: { 'GET /userinfo': ({ person }) => answerJson(person) },
    pkce: false,
    person: { sub: '782bbtaQ' }
  })
  const credentials = { client_id: fake.clientId, client_secret: fake.clientSecret }
  const refreshed = await provider.refresh(tokens.refreshToken as string, '', inTime())
  t.match(refreshed, { accessToken: /^access-/, expiresAt: Date })
  t.match(fake.calls(fake.paths.token), [{ body: { grant_type: 'refresh_token', ...credentials } }])
  await t.rejects(provider.refresh('unknown', '', inTime()), { code: 'reauthorization_required' })

  // Most apps get no refresh token.
  const takeBack = async () => await provider.revoke?.({ ...tokens, refreshToken: undefined }, inTime())
  await takeBack()
  t.match(fake.calls(fake.paths.revoke), [{ method: 'POST', body: { token: tokens.accessToken, ...credentials } }])
  fake.fault(fake.paths.revoke, { kind: 'status', status: 500 }, { times: 1 })
  await t.rejects(takeBack(), { code: 'provider_error', message: 'LinkedIn: the revocation failed: HTTP 500.' })
  t.same(fake.unexpected(), [])
})

t.test('Slack says all of it with status 200', async (t) => {
  const { fake, provider, tokens } = await grant(t, {
    id: 'slack',
    paths: { authorize: '/openid/connect/authorize', token: '/api/openid.connect.token', api: '/api' },
    authentication: 'client_secret_post',
    routes: {
      'GET /openid.connect.userInfo': ({ person }) => answerJson(person),
      'POST /auth.revoke': () => answerJson({ ok: true, revoked: true })
    },
    tokenAnswer: () => ({ ok: true, expires_in: undefined }),
    tokenError: () => answerJson({ ok: false, error: 'invalid_refresh_token' }),
    pkce: false,
    person: { ok: true, sub: 'U0R7JM', 'https://slack.com/team_id': 'T0R7GR' }
  })
  t.match(await provider.refresh(tokens.refreshToken as string, '', inTime()), {
    accessToken: /^access-/,
    expiresAt: undefined
  })
  await t.rejects(provider.refresh('unknown', '', inTime()), { code: 'reauthorization_required' })
  fake.fault(fake.paths.token, { kind: 'json', value: { ok: false, error: 'internal_error' } }, { times: 1 })
  await t.rejects(
    provider.refresh('unknown', '', inTime()),
    { code: 'provider_error' },
    'a failure for now is not the end of the grant'
  )

  const revoke = '/api/auth.revoke'
  const takeBack = async () => await provider.revoke?.(tokens, inTime())
  await takeBack()
  t.match(fake.calls(revoke), [{ method: 'POST', headers: { authorization: `Bearer ${tokens.accessToken}` } }])
  for (const error of ['invalid_auth', 'token_revoked', 'token_expired', 'account_inactive']) {
    fake.fault(revoke, { kind: 'json', value: { ok: false, error } }, { times: 1 })
    await t.resolves(takeBack(), `${error}: of no use any more`)
  }
  for (const value of [{ ok: false, error: 'internal_error' }, { ok: 'true' }, {}, null]) {
    fake.fault(revoke, { kind: 'json', value }, { times: 1 })
    await t.rejects(takeBack(), { code: 'provider_error', message: 'Slack: the revocation failed: it was refused.' })
  }
  fake.fault(revoke, { kind: 'status', status: 503, body: { ok: true } }, { times: 1 })
  await t.rejects(takeBack(), { code: 'provider_error', message: 'Slack: the revocation failed: HTTP 503.' })
  t.same(fake.unexpected(), [])
})

t.test('Twitch', async (t) => {
  const { fake, provider, tokens } = await grant(t, {
    id: 'twitch',
    paths: { authorize: '/oauth2/authorize', token: '/oauth2/token', api: '/helix', revoke: '/oauth2/revoke' },
    authentication: 'client_secret_post',
    routes: { 'GET /users': ({ person }) => answerJson({ data: [person] }) },
    tokenAnswer: ({ scope }) => ({ scope: scope.split(' ') }),
    tokenError: () =>
      answerJson({ error: 'Bad Request', status: 400, message: 'Invalid refresh token' }, { status: 400 }),
    pkce: false,
    person: { id: '141981764', login: 'twitchdev' }
  })
  t.match(await provider.refresh(tokens.refreshToken as string, '', inTime()), {
    accessToken: /^access-/,
    expiresAt: Date,
    scope: 'user:read:email'
  })
  await t.rejects(provider.refresh('unknown', '', inTime()), { code: 'reauthorization_required' })
  fake.fault(
    fake.paths.token,
    { kind: 'status', status: 400, body: { status: 400, message: 'invalid client' } },
    { times: 1 }
  )
  await t.rejects(
    provider.refresh('unknown', '', inTime()),
    { code: 'provider_error' },
    'a fault of the client is not the end of the grant'
  )

  const takeBack = async () => await provider.revoke?.(tokens, inTime())
  await takeBack()
  t.match(
    fake.calls(fake.paths.revoke),
    [{ method: 'POST', body: { client_id: fake.clientId, token: tokens.accessToken } }],
    'by the access token'
  )
  fake.fault(
    fake.paths.revoke,
    { kind: 'status', status: 400, body: { status: 400, message: 'Invalid token' } },
    { times: 1 }
  )
  await t.resolves(takeBack(), 'a token that is not known any more is as good as revoked')
  fake.fault(fake.paths.revoke, { kind: 'status', status: 500 }, { times: 1 })
  await t.rejects(takeBack(), { code: 'provider_error', message: 'Twitch: the revocation failed: HTTP 500.' })
  t.same(fake.unexpected(), [])
})

t.test(
  'Twitch: an email without the scope for it is nothing that its documentation knows, so it is not believed',
  async (t) => {
    for (const [scope, isBelieved] of [
      [['user:read:email'], true],
      [['chat:read', 'user:read:email'], true],
      [['user:read:emails'], false],
      [[], false]
    ] as const) {
      const { fake, profile } = await grant(t, {
        id: 'twitch',
        paths: { authorize: '/oauth2/authorize', token: '/oauth2/token', api: '/helix' },
        authentication: 'client_secret_post',
        routes: { 'GET /users': ({ person }) => answerJson({ data: [person] }) },
        tokenAnswer: () => ({ scope }),
        pkce: false,
        person: { id: '141981764', login: 'twitchdev', email: 'not-real@email.com' }
      })
      t.match(profile, { email: 'not-real@email.com', emailVerified: isBelieved }, scope.join(' '))
      t.same(fake.unexpected(), [])
    }
  }
)

t.test('Spotify', async (t) => {
  const { fake, provider, tokens } = await grant(t, {
    id: 'spotify',
    paths: { authorize: '/authorize', token: '/api/token', api: '/v1' },
    authentication: 'client_secret_basic',
    routes: { 'GET /me': ({ person }) => answerJson(person) },
    person: { id: 'wizzler' }
  })
  fake.tokenResponse({ refresh_token: undefined })
  t.match(
    await provider.refresh(tokens.refreshToken as string, '', inTime()),
    { accessToken: /^access-/, refreshToken: undefined, expiresAt: Date },
    'the old one stays'
  )
  t.match(fake.calls(fake.paths.token), [
    { headers: { authorization: /^Basic / }, body: { grant_type: 'refresh_token', client_secret: undefined } }
  ])
  await t.rejects(provider.refresh('unknown', '', inTime()), { code: 'reauthorization_required' })
  t.equal(provider.revoke, undefined, 'there is no way to take a grant back')
  t.same(fake.unexpected(), [])
})
