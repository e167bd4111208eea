import t from 'tap'
import { answerJson } from '../fakes/answers.ts'
import { startHttpFake } from '../fakes/http-fake.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'

/** What becomes of a grant after the login: where it is renewed and taken back, and in which words. */

const BASIC = `Basic ${Buffer.from('the-id:the-secret').toString('base64')}`
const FORM = { 'content-type': /^application\/x-www-form-urlencoded/ }
const POSTED = { client_id: 'the-id', client_secret: 'the-secret' }
const REFRESH = { grant_type: 'refresh_token', refresh_token: 'the-refresh-token' }

interface Expected {
  path: string
  method?: string
  headers?: object
  body?: object | undefined
}

const EXPECTED: Record<
  string,
  { urls: [authorize: string, token: string, api: string], refresh: Expected, revoke?: Expected }
> = {
  discord: {
    urls: ['/oauth2/authorize', '/api/oauth2/token', '/api/v10'],
    refresh: { path: '/api/oauth2/token', headers: { authorization: BASIC, ...FORM }, body: REFRESH },
    revoke: {
      path: '/api/oauth2/token/revoke',
      headers: { authorization: BASIC, ...FORM },
      body: { token: 'the-refresh-token', token_type_hint: 'refresh_token' }
    }
  },
  gitlab: {
    urls: ['/oauth/authorize', '/oauth/token', '/api/v4'],
    refresh: { path: '/oauth/token', headers: FORM, body: { ...REFRESH, ...POSTED } },
    revoke: { path: '/oauth/revoke', headers: FORM, body: { token: 'the-refresh-token', ...POSTED } }
  },
  x: {
    urls: ['/i/oauth2/authorize', '/2/oauth2/token', '/2'],
    refresh: { path: '/2/oauth2/token', headers: { authorization: BASIC, ...FORM }, body: REFRESH },
    revoke: {
      path: '/2/oauth2/revoke',
      headers: { authorization: BASIC, ...FORM },
      body: { token: 'the-refresh-token', token_type_hint: 'refresh_token' }
    }
  },
  bitbucket: {
    urls: ['/site/oauth2/authorize', '/site/oauth2/access_token', '/2.0'],
    refresh: { path: '/site/oauth2/access_token', headers: { authorization: BASIC, ...FORM }, body: REFRESH }
  },
  reddit: {
    urls: ['/api/v1/authorize', '/api/v1/access_token', '/api/v1'],
    refresh: {
      path: '/api/v1/access_token',
      headers: { authorization: BASIC, 'user-agent': 'web:the-id:signet' },
      body: REFRESH
    },
    revoke: {
      path: '/api/v1/revoke_token',
      headers: { authorization: BASIC, ...FORM },
      body: { token: 'the-refresh-token', token_type_hint: 'refresh_token' }
    }
  },
  line: {
    urls: ['/oauth2/v2.1/authorize', '/oauth2/v2.1/token', '/v2'],
    refresh: { path: '/oauth2/v2.1/token', headers: FORM, body: { ...REFRESH, ...POSTED } },
    revoke: { path: '/oauth2/v2.1/revoke', headers: FORM, body: { access_token: 'the-access-token', ...POSTED } }
  },
  kakao: {
    urls: ['/oauth/authorize', '/oauth/token', '/v2'],
    refresh: { path: '/oauth/token', headers: FORM, body: { ...REFRESH, ...POSTED } },
    revoke: { path: '/v1/user/unlink', headers: { authorization: 'Bearer the-access-token' }, body: undefined }
  },
  notion: {
    urls: ['/v1/oauth/authorize', '/v1/oauth/token', '/v1'],
    refresh: {
      path: '/v1/oauth/token',
      headers: { authorization: BASIC, 'content-type': 'application/json' },
      body: REFRESH
    },
    revoke: {
      path: '/v1/oauth/revoke',
      headers: { authorization: BASIC, 'content-type': 'application/json', 'notion-version': /^\d/ },
      body: { token: 'the-access-token' }
    }
  },
  figma: {
    urls: ['/oauth', '/v1/oauth/token', '/v1'],
    refresh: { path: '/v1/oauth/refresh', headers: { authorization: BASIC, ...FORM }, body: REFRESH }
  },
  zoom: {
    urls: ['/oauth/authorize', '/oauth/token', '/v2'],
    refresh: { path: '/oauth/token', headers: { authorization: BASIC, ...FORM }, body: REFRESH },
    revoke: {
      path: '/oauth/revoke',
      headers: { authorization: BASIC, ...FORM },
      body: { token: 'the-access-token', token_type_hint: 'access_token' }
    }
  }
}

const tokens = { accessToken: 'the-access-token', refreshToken: 'the-refresh-token' }
const inTime = () => AbortSignal.timeout(5_000)

t.test('a grant is renewed and taken back at the endpoints of the settings, and nowhere else', async (t) => {
  const fake = await startHttpFake(() => answerJson({ access_token: 'renewed', token_type: 'bearer', expires_in: 60 }))
  t.teardown(() => fake.close())
  for (const [
    id,
    {
      urls: [authorize, token, api],
      refresh,
      revoke
    }
  ] of Object.entries(EXPECTED)) {
    await t.test(id, async (t) => {
      fake.heal()
      fake.reset()
      const prefix = id.toUpperCase()
      const provider = createProviders(
        readSettings({
          [`${prefix}_CLIENT_ID`]: 'the-id',
          [`${prefix}_CLIENT_SECRET`]: 'the-secret',
          [`${prefix}_AUTHORIZATION_URL`]: fake.url + authorize,
          [`${prefix}_TOKEN_URL`]: fake.url + token,
          [`${prefix}_API_URL`]: fake.url + api
        }).providers
      ).get(id) as Provider

      const renewed = await provider.refresh('the-refresh-token', '', inTime())
      t.match(renewed, { accessToken: 'renewed', expiresAt: Date, refreshToken: undefined })
      const [call] = fake.calls()
      t.match(call, { method: 'POST', ...refresh })
      const secretInBody = Object.hasOwn(call?.body as object, 'client_secret')
      t.equal(secretInBody, call?.headers.authorization === undefined, 'the secret goes one way only')

      fake.fault(
        refresh.path,
        { kind: 'status', status: 400, body: { error: 'invalid_grant', error_description: 'canary' } },
        { times: 1 }
      )
      await t.rejects(provider.refresh('the-refresh-token', '', inTime()), { code: 'reauthorization_required' })

      fake.reset()
      t.equal(provider.revoke !== undefined, revoke !== undefined)
      const takeBack = async () => await provider.revoke?.(tokens, inTime())
      if (!revoke) return
      await takeBack()
      t.equal(fake.calls().length, 1)
      t.match(fake.calls()[0], { method: 'POST', ...revoke })
      fake.fault(revoke.path, { kind: 'status', status: 500, body: { message: 'canary' } })
      await t.rejects(takeBack(), { code: 'provider_error', message: /the revocation failed: HTTP 500/ })
      fake.fault(revoke.path, { kind: 'status', status: 400, body: { error: 'invalid_token' } })
      await t.resolves(takeBack(), 'a token that is not known any more is as good as revoked')
    })
  }
})

t.test('X has words of its own for a refresh token that no longer works', async (t) => {
  const fake = await startHttpFake(() => undefined)
  t.teardown(() => fake.close())
  const x = createProviders(
    readSettings({ X_CLIENT_ID: 'the-id', X_CLIENT_SECRET: 'the-secret', X_TOKEN_URL: `${fake.url}/2/oauth2/token` })
      .providers
  ).get('x') as Provider
  for (const [words, code] of [
    ['Value passed for the token was invalid.', 'reauthorization_required'],
    ['Missing required parameter [refresh_token].', 'provider_error'],
    [undefined, 'provider_error']
  ] as const) {
    fake.fault('/2/oauth2/token', {
      kind: 'status',
      status: 400,
      body: { error: 'invalid_request', error_description: words }
    })
    await t.rejects(x.refresh('the-refresh-token', '', inTime()), { code }, `${words}`)
  }
  fake.fault('/2/oauth2/token', {
    kind: 'status',
    status: 503,
    body: { error_description: 'Value passed for the token was invalid.' }
  })
  await t.rejects(
    x.refresh('the-refresh-token', '', inTime()),
    { code: 'provider_error' },
    'a server that is down says nothing of the grant'
  )
})

t.test('Facebook takes the grant back by the permissions of the person', async (t) => {
  const fake = await startHttpFake(() => answerJson({ success: true }))
  t.teardown(() => fake.close())
  const facebook = createProviders(
    readSettings({
      FACEBOOK_CLIENT_ID: 'the-id',
      FACEBOOK_CLIENT_SECRET: 'the-secret',
      FACEBOOK_API_URL: `${fake.url}/v23.0`
    }).providers
  ).get('facebook') as Provider
  const takeBack = async () =>
    await facebook.revoke?.({ accessToken: 'the-access-token', refreshToken: undefined }, inTime())
  const path = '/v23.0/me/permissions'

  await takeBack()
  t.match(fake.calls(), [
    {
      method: 'DELETE',
      path,
      // HMAC-SHA256 of the access token, by the app's secret.
      query: { appsecret_proof: '95f103a26ae3fb1ec99438bab8c2766d59778ce6f389d7c9ad3208a7b7646497' },
      headers: { authorization: 'Bearer the-access-token' }
    }
  ])
  for (const [status, code, isOver] of [
    [400, 190, true],
    [401, 190, true],
    [400, 100, false],
    [403, 10, false],
    [500, 2, false]
  ] as const) {
    fake.fault(path, { kind: 'status', status, body: { error: { message: 'canary', type: 'OAuthException', code } } })
    if (isOver) await t.resolves(takeBack(), `${status} ${code}: such a token is over`)
    else {
      await t.rejects(takeBack(), {
        code: 'provider_error',
        message: `Facebook: the revocation failed: HTTP ${status}.`
      })
    }
  }
})

t.test('a provider by settings', async (t) => {
  const fake = await startHttpFake(() => answerJson({ access_token: 'renewed', token_type: 'bearer' }))
  t.teardown(() => fake.close())
  const common = {
    OAUTH_PROVIDERS: 'forum',
    OAUTH_FORUM_CLIENT_ID: 'the-id',
    OAUTH_FORUM_CLIENT_SECRET: 'the-secret',
    OAUTH_FORUM_AUTHORIZATION_URL: `${fake.url}/authorize`,
    OAUTH_FORUM_TOKEN_URL: `${fake.url}/token`,
    OAUTH_FORUM_PROFILE_URL: `${fake.url}/me`
  }
  const create = (more: Record<string, string>) =>
    createProviders(readSettings({ ...common, ...more }).providers).get('forum')

  await t.test('without an endpoint for it takes no grant back', async (t) => {
    t.equal(create({})?.revoke, undefined)
  })
  await t.test('names itself in the body', async (t) => {
    fake.reset()
    const provider = create({ OAUTH_FORUM_REVOCATION_URL: `${fake.url}/elsewhere/revoke` })
    await provider?.refresh('the-refresh-token', '', inTime())
    await provider?.revoke?.(tokens, inTime())
    t.match(fake.calls(), [
      { path: '/token', body: { ...REFRESH, ...POSTED } },
      { path: '/elsewhere/revoke', body: { token: 'the-refresh-token', ...POSTED } }
    ])
  })
  await t.test('or in the header', async (t) => {
    fake.reset()
    const provider = create({ OAUTH_FORUM_REVOCATION_URL: `${fake.url}/revoke`, OAUTH_FORUM_AUTHENTICATION: 'header' })
    await provider?.refresh('the-refresh-token', '', inTime())
    await provider?.revoke?.(tokens, inTime())
    t.match(fake.calls(), [
      { path: '/token', headers: { authorization: BASIC } },
      { path: '/revoke', headers: { authorization: BASIC } }
    ])
    for (const { body } of fake.calls()) t.notOk(Object.hasOwn(body as object, 'client_secret'))
  })
})
