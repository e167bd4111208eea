import { createHash } from 'node:crypto'
import t from 'tap'
import { NO_LOGIN_PARAMETERS, type LoginParameters } from '../../src/providers/login-parameters.ts'
import type { LoginSecrets, Provider } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'

/** The authorization request of each provider by default, and with other settings. */

const PKCE = { code_challenge: 'S256 of the verifier', code_challenge_method: 'S256' }
const NONCE = { nonce: 'the nonce' }
const EXPECTED: Record<string, [url: string, query: Record<string, string>]> = {
  facebook: ['https://www.facebook.com/v23.0/dialog/oauth', { scope: 'public_profile email', ...PKCE }],
  x: ['https://x.com/i/oauth2/authorize', { scope: 'users.read tweet.read', ...PKCE }],
  discord: ['https://discord.com/oauth2/authorize', { scope: 'identify email', ...PKCE }],
  gitlab: ['https://gitlab.com/oauth/authorize', { scope: 'read_user', ...PKCE }],
  linkedin: ['https://www.linkedin.com/oauth/v2/authorization', { scope: 'openid profile email', ...NONCE }],
  slack: ['https://slack.com/openid/connect/authorize', { scope: 'openid profile email', ...NONCE }],
  twitch: ['https://id.twitch.tv/oauth2/authorize', { scope: 'user:read:email', ...PKCE }],
  spotify: ['https://accounts.spotify.com/authorize', { scope: 'user-read-email', ...PKCE }],
  zoom: ['https://zoom.us/oauth/authorize', PKCE]
}

interface Start { page: string, query: Record<string, string>, secrets: LoginSecrets }

async function start (
  id: string, more: Record<string, string> = {}, parameters?: LoginParameters
): Promise<Start> {
  const prefix = id.toUpperCase()
  const settings = readSettings({
    ISSUER_URL: 'https://id.example.com',
    [`${prefix}_CLIENT_ID`]: 'the-id',
    [`${prefix}_CLIENT_SECRET`]: 'the-secret',
    ...more
  })
  const provider = createProviders(settings.providers).get(id) as Provider
  const { url: href, secrets } = await provider.authorize(parameters)
  const url = new URL(href)
  return { page: url.origin + url.pathname, query: Object.fromEntries(url.searchParams), secrets }
}

for (const [id, [page, expected]] of Object.entries(EXPECTED)) {
  t.test(id, async (t) => {
    const { secrets, ...sent } = await start(id)
    const { state, codeVerifier, nonce } = secrets
    t.match(state, /^[\w-]{43}$/)
    t.match(nonce, /^[\w-]{43}$/)
    t.equal(codeVerifier === undefined, expected['code_challenge'] === undefined)
    const query = {
      response_type: 'code',
      client_id: 'the-id',
      redirect_uri: `https://id.example.com/login/${id}/callback`,
      state,
      ...expected,
      ...'nonce' in expected && { nonce },
      ...codeVerifier !== undefined && { code_challenge: createHash('sha256').update(codeVerifier).digest('base64url') }
    }
    t.strictSame(sent, { page, query })

    const again = await start(id)
    const all = [secrets, again.secrets].flatMap((one) => Object.values(one).filter((value) => value !== undefined))
    t.equal(new Set(all).size, all.length, 'no two logins share a state, a verifier or a nonce')
  })

  t.test(`${id}, with settings`, async (t) => {
    const moved = await start(id, {
      [`${id.toUpperCase()}_SCOPE`]: 'one, two three',
      [`${id.toUpperCase()}_AUTHORIZATION_URL`]: 'https://proxy.example/start?tenant=a%20b'
    })
    t.match(moved, { page: 'https://proxy.example/start', query: { scope: 'one two three', tenant: 'a b' } })
  })
}

t.test('an authorization URL may have a scope of its own, for a provider that is asked for none', async (t) => {
  const { query } = await start('zoom', { ZOOM_AUTHORIZATION_URL: 'https://proxy.example/start?scope=user:read' })
  t.equal(query['scope'], 'user:read')
})

/** What a provider is asked beside the usual, for each thing that a client may ask of a sign-in. */
const HANDED_ON: Record<string, { asked: Partial<LoginParameters>, sent: Record<string, string> }[]> = {
  github: [
    { asked: { prompt: ['select_account'] }, sent: { prompt: 'select_account' } },
    { asked: { prompt: ['login', 'consent'] }, sent: { prompt: 'select_account' } },
    { asked: { maxAge: 60 }, sent: { prompt: 'select_account' } },
    { asked: { prompt: ['consent'] }, sent: {} },
    { asked: { loginHint: 'octocat', uiLocales: 'de', acrValues: 'phr' }, sent: { login: 'octocat' } }
  ],
  facebook: [
    { asked: { prompt: ['login'] }, sent: { auth_type: 'reauthenticate' } },
    { asked: { maxAge: 60 }, sent: { auth_type: 'reauthenticate' } },
    { asked: { prompt: ['select_account', 'consent'], loginHint: 'a@b', uiLocales: 'de' }, sent: {} }
  ],
  discord: [
    { asked: { prompt: ['consent', 'select_account'] }, sent: { prompt: 'consent' } },
    { asked: { prompt: ['login'] }, sent: { prompt: 'consent' } },
    { asked: { prompt: ['select_account'], loginHint: 'a' }, sent: {} }
  ],
  twitch: [
    { asked: { prompt: ['consent'] }, sent: { force_verify: 'true' } },
    { asked: { maxAge: 0 }, sent: { force_verify: 'true' } },
    { asked: { prompt: ['select_account'] }, sent: {} }
  ],
  spotify: [
    { asked: { prompt: ['consent'] }, sent: { show_dialog: 'true' } },
    { asked: { prompt: ['login'] }, sent: { show_dialog: 'true' } },
    { asked: { prompt: ['select_account'] }, sent: {} }
  ],
  kakao: [
    { asked: { prompt: ['login', 'select_account'] }, sent: { prompt: 'login,select_account' } },
    { asked: { loginHint: 'a' }, sent: { login_hint: 'a' } },
    { asked: { maxAge: 60 }, sent: { prompt: 'login' } },
    { asked: { prompt: ['consent'] }, sent: {} }
  ],
  line: [
    { asked: { prompt: ['consent'], maxAge: 60 }, sent: { prompt: 'consent', max_age: '60' } },
    { asked: { uiLocales: 'ja' }, sent: { ui_locales: 'ja' } },
    { asked: { prompt: ['login'], maxAge: 60 }, sent: { max_age: '0' } },
    { asked: { prompt: ['select_account'], loginHint: 'a' }, sent: {} }
  ]
}
const EVERYTHING: LoginParameters = {
  prompt: ['login', 'select_account', 'consent'], maxAge: 1, loginHint: 'a', uiLocales: 'de', acrValues: 'phr'
}
for (const id of ['x', 'gitlab', 'linkedin', 'slack', 'bitbucket', 'reddit', 'notion', 'figma', 'zoom']) {
  HANDED_ON[id] = [{ asked: EVERYTHING, sent: {} }]
}

for (const [id, cases] of Object.entries(HANDED_ON)) {
  t.test(`${id} is asked for what it can do, and for nothing else`, async (t) => {
    const usual = await start(id)
    for (const { asked, sent } of cases) {
      const { query } = await start(id, {}, { ...NO_LOGIN_PARAMETERS, ...asked })
      const names = [...new Set([...Object.keys(usual.query), ...Object.keys(sent)])]
      t.same(Object.keys(query).sort(), names.sort(), JSON.stringify(asked))
      t.match(query, sent)
    }
  })
}

// All URLs come from settings, so that nothing is discovered.
t.test('Google, Microsoft and Apple are asked in their own ways', async (t) => {
  const ask = async (id: string, asked: Partial<LoginParameters>, more: Record<string, string> = {}) => {
    const urls = ['AUTHORIZATION_URL', 'TOKEN_URL', 'JWKS_URL'].map((name) =>
      [`${id.toUpperCase()}_${name}`, 'https://provider.example/path'] as const)
    const { query } = await start(id, { ...Object.fromEntries(urls), ...more }, { ...NO_LOGIN_PARAMETERS, ...asked })
    return Object.fromEntries(
      ['prompt', 'max_age', 'login_hint', 'ui_locales', 'acr_values'].flatMap((name) => name in query
        ? [[name, query[name]]]
        : [])
    )
  }
  const rest = { max_age: '1', login_hint: 'a', ui_locales: 'de', acr_values: 'phr' }
  t.same(await ask('google', EVERYTHING), { prompt: 'select_account consent', ...rest })
  t.same(await ask('google', { prompt: ['login'] }), { prompt: 'select_account' })
  t.same(await ask('google', { prompt: ['consent'] }), { prompt: 'consent' })
  t.same(await ask('google', {}), {})
  const offline = { GOOGLE_ACCESS_TYPE: 'offline' }
  t.same(await ask('google', {}, offline), { prompt: 'consent' })
  t.same(await ask('google', { prompt: ['select_account'] }, offline), { prompt: 'select_account consent' })
  t.same(await ask('microsoft', EVERYTHING), { prompt: 'login', ...rest })
  t.same(await ask('microsoft', { prompt: ['select_account', 'consent'] }), { prompt: 'select_account' })
  t.same(await ask('apple', EVERYTHING), {})
})
