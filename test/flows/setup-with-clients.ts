import type { Test } from 'tap'
import { createBrowser, type Browser } from '../fakes/browser.ts'
import { OCTOCAT, startFakeGitHub } from '../fakes/github.ts'
import { createPkce } from '../fakes/pkce.ts'
import { readJson, setup } from '../helper.ts'

export const SPA = {
  client_id: 'spa',
  name: 'The app',
  redirect_uris: [
    'https://app.example.com/callback?tenant=1',
    'http://127.0.0.1/callback',
    'com.example.app:/callback'
  ],
  post_logout_redirect_uris: ['https://app.example.com/bye']
}
export const WEB = {
  client_id: 'web',
  name: 'The web app',
  redirect_uris: ['https://web.example.com/callback'],
  post_logout_redirect_uris: ['https://web.example.com/bye'],
  client_secret: 'a secret: with colons & spaces'
}
export const REDIRECT_URI = SPA.redirect_uris[0] as string

/** What `web` sends with every form to prove itself (client_secret_post). */
export const AS_WEB = { client_id: WEB.client_id, client_secret: WEB.client_secret }

/** What `web` sends instead in a header (client_secret_basic). */
export const basic = (secret: string, clientId = WEB.client_id) => ({
  authorization: `Basic ${Buffer.from(`${clientId}:${encodeURIComponent(secret)}`).toString('base64')}`
})

export type Parameters = Record<string, string | undefined>

/** Starts an app with two clients and a fake GitHub. Returns the requests that a client makes. */
export async function setupWithClients (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  github.user(OCTOCAT)
  const running = await setup(t, { ...github.settings, CLIENTS: JSON.stringify([SPA, WEB]), ...environment })
  const { url } = running

  /** A request of `spa`, with parameters put in place of the usual ones, or left out by `undefined`. */
  function request (more: Parameters = {}) {
    const { verifier: codeVerifier, challenge } = createPkce()
    const parameters = {
      response_type: 'code',
      client_id: 'spa',
      redirect_uri: REDIRECT_URI,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      scope: 'openid profile email',
      state: 'the state',
      nonce: 'the nonce',
      provider: 'github',
      ...more
    }
    const query = new URLSearchParams(
      Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
    )
    return { codeVerifier, query, path: `/oauth2/authorize?${query}` }
  }

  /** The authorization endpoint's own answer, redirects not followed. */
  const ask = (more: Parameters = {}, headers: Record<string, string> = {}) =>
    fetch(url + request(more).path, { redirect: 'manual', headers })

  /** The whole way through the provider and back to the client. */
  async function authorize (more: Parameters = {}, browser: Browser = createBrowser(url)) {
    const { codeVerifier, path } = request(more)
    const location = new URL((await browser.login(path)).location ?? '')
    return { codeVerifier, location, code: location.searchParams.get('code') ?? '' }
  }

  async function post (path: string, form: Record<string, string>, headers: Record<string, string> = {}, at = url) {
    const response = await fetch(at + path, { method: 'POST', body: new URLSearchParams(form), headers })
    return { status: response.status, headers: response.headers, body: await readJson(response) }
  }

  const token = (form: Record<string, string>, headers: Record<string, string> = {}, at = url) =>
    post('/oauth2/token', form, headers, at)

  const exchange = (code: string, codeVerifier: string, more: Record<string, string> = {}, headers = {}, at = url) =>
    token(
      {
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT_URI,
        client_id: 'spa',
        code_verifier: codeVerifier,
        ...more
      },
      headers,
      at
    )

  const refresh = (refreshToken: string, more: Record<string, string> = { client_id: 'spa' }) =>
    token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...more })

  /** A sign-in from the request to the tokens: the token response. */
  async function signIn (more: Parameters = {}, client: Record<string, string> = {}) {
    const { code, codeVerifier } = await authorize(more)
    const { status, body } = await exchange(code, codeVerifier, {
      redirect_uri: more['redirect_uri'] ?? REDIRECT_URI,
      ...client
    })
    if (status !== 200) throw new Error(`The exchange was answered with ${status}: ${JSON.stringify(body)}`)
    return body
  }

  /** The same for `web`, which proves itself. */
  const signInWeb = (more: Parameters = {}) =>
    signIn({ client_id: WEB.client_id, redirect_uri: WEB.redirect_uris[0], ...more }, AS_WEB)

  const me = async (accessToken: string) =>
    (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status

  async function userinfo (accessToken: string, method = 'GET') {
    const response = await fetch(`${url}/oauth2/userinfo`, {
      method,
      headers: { authorization: `Bearer ${accessToken}` }
    })
    return { status: response.status, headers: response.headers, body: await readJson(response) }
  }

  const logout = (query: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${url}/oauth2/logout?${new URLSearchParams(query)}`, { redirect: 'manual', headers })

  return {
    ...running,
    github,
    request,
    ask,
    authorize,
    post,
    token,
    exchange,
    refresh,
    signIn,
    signInWeb,
    me,
    userinfo,
    logout
  }
}
