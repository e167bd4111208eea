import t from 'tap'
import type { Provider } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import { readSettings } from '../../src/settings.ts'

/** Where people are sent, and for what they are asked there, when no setting says otherwise. */

const PKCE = { code_challenge: 'the-challenge', code_challenge_method: 'S256' }
const EXPECTED: Record<string, [url: string, query: Record<string, string>]> = {
  facebook: ['https://www.facebook.com/v23.0/dialog/oauth', { scope: 'public_profile email', ...PKCE }],
  x: ['https://x.com/i/oauth2/authorize', { scope: 'users.read tweet.read', ...PKCE }],
  discord: ['https://discord.com/oauth2/authorize', { scope: 'identify email', ...PKCE }],
  gitlab: ['https://gitlab.com/oauth/authorize', { scope: 'read_user', ...PKCE }],
  linkedin: ['https://www.linkedin.com/oauth/v2/authorization', { scope: 'openid profile email', nonce: 'the-nonce' }],
  slack: ['https://slack.com/openid/connect/authorize', { scope: 'openid profile email', nonce: 'the-nonce' }],
  twitch: ['https://id.twitch.tv/oauth2/authorize', { scope: 'user:read:email', ...PKCE }],
  spotify: ['https://accounts.spotify.com/authorize', { scope: 'user-read-email', ...PKCE }]
}

async function start (id: string, more: Record<string, string> = {}): Promise<{ page: string, query: Record<string, string> }> {
  const prefix = id.toUpperCase()
  const settings = readSettings({ [`${prefix}_CLIENT_ID`]: 'the-id', [`${prefix}_CLIENT_SECRET`]: 'the-secret', ...more })
  const provider = createProviders(settings.providers).get(id) as Provider
  const request = { redirectUri: 'https://id.example.com/callback', state: 'the-state', nonce: 'the-nonce', codeChallenge: 'the-challenge' }
  const url = new URL(await provider.authorizationUrl(request))
  return { page: url.origin + url.pathname, query: Object.fromEntries(url.searchParams) }
}

for (const [id, [page, query]] of Object.entries(EXPECTED)) {
  t.test(id, async (t) => {
    const standard = { response_type: 'code', client_id: 'the-id', redirect_uri: 'https://id.example.com/callback', state: 'the-state' }
    t.strictSame(await start(id), { page, query: { ...standard, ...query } })
    const moved = await start(id, { [`${id.toUpperCase()}_SCOPE`]: 'one, two three', [`${id.toUpperCase()}_AUTHORIZATION_URL`]: 'https://proxy.example/start' })
    t.match(moved, { page: 'https://proxy.example/start', query: { scope: 'one two three' } })
  })
}
