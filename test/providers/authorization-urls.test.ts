import { createHash } from 'node:crypto'
import t from 'tap'
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

async function start (id: string, more: Record<string, string> = {}): Promise<Start> {
  const prefix = id.toUpperCase()
  const settings = readSettings({
    ISSUER_URL: 'https://id.example.com',
    [`${prefix}_CLIENT_ID`]: 'the-id',
    [`${prefix}_CLIENT_SECRET`]: 'the-secret',
    ...more
  })
  const provider = createProviders(settings.providers).get(id) as Provider
  const { url: href, secrets } = await provider.authorize()
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
