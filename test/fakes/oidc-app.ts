import type { FakeOidc } from './oidc.ts'

/** An ID token as an app gets it from its provider's SDK, past Signet; with `nonce` when the app chose one. */
export async function idTokenFrom (fake: FakeOidc, nonce?: string): Promise<string> {
  const redirectUri = 'http://localhost/elsewhere'
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: fake.clientId,
    redirect_uri: redirectUri,
    scope: 'openid',
    ...(nonce === undefined ? {} : { nonce })
  })
  const authorized = await fetch(`${fake.url}${fake.paths.authorize}?${query}`, { redirect: 'manual' })
  const code = new URL(authorized.headers.get('location') ?? '').searchParams.get('code') ?? ''
  const form = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    client_id: fake.clientId,
    client_secret: fake.clientSecret
  }
  const answer = await fetch(fake.url + fake.paths.token, { method: 'POST', body: new URLSearchParams(form) })
  return ((await answer.json()) as { id_token: string }).id_token
}
