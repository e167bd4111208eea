import t from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeOAuth, type OAuthSpec } from '../../fakes/oauth.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { createPkce } from '../../fakes/pkce.ts'
import { readJson, setup } from '../../helper.ts'

/** What real providers send the browser back with, and answer to a refresh. Each title has the public report. */

const APP_URL = 'https://app.example.com/'
const COOKIE_MODE = `?return_to=${encodeURIComponent(APP_URL)}`
const APP = { client_id: 'app', name: 'The app', redirect_uris: ['https://app.example.com/callback'] }
const ENVIRONMENT = { ALLOWED_ORIGINS: new URL(APP_URL).origin, CLIENTS: JSON.stringify([APP]) }

const codeMode = (provider: string) => `/oauth2/authorize?${new URLSearchParams({
  response_type: 'code',
  client_id: APP.client_id,
  redirect_uri: APP.redirect_uris[0] as string,
  code_challenge: createPkce().challenge,
  code_challenge_method: 'S256',
  provider
})}`

const returned = (location: string | null | undefined) => Object.fromEntries(new URL(location ?? '').searchParams)

const FACEBOOK: OAuthSpec = {
  id: 'facebook',
  paths: { authorize: '/v23.0/dialog/oauth', token: '/v23.0/oauth/access_token', api: '/v23.0' },
  authentication: 'client_secret_post',
  routes: { 'GET /me': ({ person }) => answerJson(person) },
  person: { id: '10152368852405295', name: 'Jane Doe' }
}

t.test('the provider is temporarily unavailable', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, { ...acme.settings('acme'), ...ENVIRONMENT })
  const says: Record<string, () => void> = {
    'in the callback': () => acme.deny('temporarily_unavailable', 'Come back later.'),
    'at the token endpoint': () => acme.fault(acme.paths.token, {
      kind: 'status', status: 503, body: { error: 'temporarily_unavailable' }
    }),
    'at the token endpoint, with status 200': () => acme.tokenResponse({ error: 'temporarily_unavailable' })
  }
  for (const [where, say] of Object.entries(says)) {
    say()
    for (const start of [`/login/acme${COOKIE_MODE}`, codeMode('acme')]) {
      const { location } = await createBrowser(url).login(start)
      t.match(returned(location), { error: 'temporarily_unavailable', error_description: /^acme: / }, where)
      t.notMatch(location, /Come/)
    }
    t.match((await createBrowser(url).login('/login/acme')).json(), { status: 502, code: 'provider_error' })
    acme.allow()
    acme.heal()
    acme.tokenResponse({})
  }
  acme.fault(acme.paths.token, { kind: 'status', status: 503, body: { error: 'server_error' } })
  t.match(returned((await createBrowser(url).login(codeMode('acme'))).location), { error: 'server_error' })
})

t.test('Facebook', async (t) => {
  const facebook = await startFakeOAuth(FACEBOOK)
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([facebook.close(), acme.close()]))
  const { url, log } = await setup(t, { ...facebook.settings, ...acme.settings('acme'), ...ENVIRONMENT })

  await t.test('passport-facebook: error_code without error is an error of the provider', async (t) => {
    const fail = async (start: string, more: string) => {
      const browser = createBrowser(url)
      const callback = new URL(await browser.authorize(await browser.start(start)))
      callback.searchParams.delete('code')
      return await browser.callback(`${callback.href}&${more}`)
    }
    const error = 'error_code=1349126&error_message=App+Not+Setup%3A+words+of+theirs'
    const direct = await fail('/login/facebook', error)
    t.match(direct.json(), { status: 502, code: 'provider_error', detail: /^Facebook: / })
    t.notMatch(direct.text, /words of theirs|1349126/)
    t.match(log(), '"providerError":"1349126"')
    t.match(returned((await fail(`/login/facebook${COOKIE_MODE}`, error)).location), { error: 'server_error' })
    t.match(returned((await fail(codeMode('facebook'), error)).location), { error: 'server_error' })
    const denied = await fail('/login/facebook', 'error=access_denied&error_code=200&error_reason=user_denied')
    t.match(denied.json(), { code: 'access_denied' }, 'beside error it changes nothing')
    t.equal(facebook.calls(facebook.paths.token).length, 0, 'no exchange')
  })

  await t.test("passport-facebook#128: #_=_ does not end up in the app's address", async (t) => {
    const ends: [start: string, end: RegExp][] = [
      [`/login/facebook${COOKIE_MODE}`, /^https:\/\/app\.example\.com\/#$/],
      [`/login/facebook${COOKIE_MODE}%23%2Finbox`, /^https:\/\/app\.example\.com\/#\/inbox$/],
      [codeMode('facebook'), /^https:\/\/app\.example\.com\/callback\?code=[\w-]+&iss=[^#]+#$/],
      [codeMode('acme'), /^[^#]+$/]
    ]
    for (const [start, end] of ends) t.match((await createBrowser(url).login(start)).location, end)
    facebook.deny()
    t.match((await createBrowser(url).login(codeMode('facebook'))).location, /error=access_denied.*#$/)
    t.match((await createBrowser(url).login(`/login/facebook${COOKIE_MODE}`)).location, /error=access_denied.*#$/)
  })
})

t.test('a plain OAuth 2.0 provider that sends iss', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  acme.sendIss()
  const settings = {
    OAUTH_PROVIDERS: 'forum',
    OAUTH_FORUM_CLIENT_ID: acme.clientId,
    OAUTH_FORUM_CLIENT_SECRET: acme.clientSecret,
    OAUTH_FORUM_AUTHORIZATION_URL: acme.url + acme.paths.authorize,
    OAUTH_FORUM_TOKEN_URL: acme.url + acme.paths.token,
    OAUTH_FORUM_PROFILE_URL: acme.url + acme.paths.userinfo,
    OAUTH_FORUM_SUBJECT: '/sub',
    OAUTH_FORUM_SCOPE: 'openid'
  }
  const outcomes: [issuer: string | undefined, expected: object][] = [
    [undefined, { user: { accounts: [{ provider: 'forum' }] } }],
    [acme.issuer, { user: { accounts: [{ provider: 'forum' }] } }],
    ['https://another.example', { code: 'provider_error', detail: /iss names another issuer/ }]
  ]
  for (const [issuer, expected] of outcomes) {
    const { url } = await setup(t, { ...settings, ...issuer === undefined ? {} : { OAUTH_FORUM_ISSUER: issuer } })
    const title = issuer ?? 'OAUTH_FORUM_ISSUER is not set'
    t.match((await createBrowser(url).login('/login/forum')).json(), expected, title)
  }
})

t.test('a refresh, as providers answer it', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const { url } = await setup(t, acme.settings('acme'))
  /** A login whose tokens are over, and the request for new ones. */
  async function refresh (arrange: () => void) {
    acme.tokenResponse({ expires_in: 30, scope: 'openid email' })
    const { access_token: token, user: { accounts: [account] } } =
      (await createBrowser(url).login('/login/acme')).json()
    acme.tokenResponse({})
    arrange()
    const headers = { authorization: `Bearer ${token}` }
    const response = await fetch(`${url}/me/accounts/${account.id}/token`, { method: 'POST', headers })
    acme.heal()
    return { status: response.status, body: await readJson(response) }
  }
  const refused = (status: number, error: string) => () =>
    acme.fault(acme.paths.token, { kind: 'status', status, body: { error } })

  t.match(
    await refresh(() => acme.tokenResponse({ scope: undefined })),
    { status: 200, body: { scope: 'openid email' } },
    'AppAuth-Android#490: an answer without scope keeps what was granted'
  )
  const overs: [report: string, status: number, error: string][] = [
    ['RFC 6749', 400, 'invalid_grant'],
    ['Auth0.Android#334', 403, 'invalid_grant'],
    ['invalid_grant as 401', 401, 'invalid_grant'],
    ['azure-activedirectory-library-for-nodejs#151', 400, 'interaction_required'],
    ['consent', 400, 'consent_required'],
    ['login', 400, 'login_required']
  ]
  for (const [report, status, error] of overs) {
    t.match(
      await refresh(refused(status, error)), { status: 409, body: { code: 'reauthorization_required' } }, report
    )
  }
  const passing: [status: number, error: string][] = [
    [503, 'temporarily_unavailable'], [500, 'server_error'], [429, 'slow_down'], [503, 'invalid_grant'],
    [401, 'invalid_client']
  ]
  for (const [status, error] of passing) {
    t.match(
      await refresh(refused(status, error)), { status: 502, body: { code: 'provider_error' } }, `${status} ${error}`
    )
  }
})
