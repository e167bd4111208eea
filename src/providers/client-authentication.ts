/**
 * How the client authenticates: `client_secret_post`, `client_secret_basic` (RFC 6749 section 2.3.1), `private_key_jwt`
 * (OpenID Connect Core section 9) or not at all.
 */
export type ClientAuthentication = 'body' | 'header' | 'assertion' | 'none'

/** By the names of OpenID Connect, and those that version 0.1 had. */
export const AUTHENTICATION_METHODS: Record<string, ClientAuthentication> = {
  client_secret_basic: 'header',
  client_secret_post: 'body',
  private_key_jwt: 'assertion',
  none: 'none',
  header: 'header',
  body: 'body'
}

/** Beside `client_assertion` (RFC 7523 section 2.2). */
export const ASSERTION_TYPE = { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' }

export interface ClientCredentials {
  clientId: string
  /** The assertion, where the client authenticates by one. */
  clientSecret: string
  authentication: ClientAuthentication
}

/** The value of `Authorization`. Id and secret are form-encoded first, as @fastify/oauth2 does it. */
export function basic (clientId: string, clientSecret: string): string {
  return basicAsItIs(formEncode(clientId), formEncode(clientSecret))
}

/** The same for a provider that does not decode them (requests-oauthlib#568). */
export function basicAsItIs (clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

/** True where it matters whether a provider decodes Basic credentials. */
export function hasTwoSpellings ({ clientId, clientSecret, authentication }: ClientCredentials): boolean {
  return authentication === 'header' && basic(clientId, clientSecret) !== basicAsItIs(clientId, clientSecret)
}

function formEncode (text: string): string {
  const encoded = encodeURIComponent(text).replaceAll('%20', '+')
  return encoded.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** A form that an authenticated client posts; for revocation, and `npm run doctor`. */
export function clientRequest (
  { clientId, clientSecret, authentication }: ClientCredentials, parameters: Record<string, string>
): { method: 'POST', headers: Record<string, string>, body: string } {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  if (authentication === 'header') {
    const authorization = basic(clientId, clientSecret)
    return { method: 'POST', headers: { ...headers, authorization }, body: new URLSearchParams(parameters).toString() }
  }
  const proof: Record<string, string> = authentication === 'none'
    ? {}
    : authentication === 'body'
      ? { client_secret: clientSecret }
      : { ...ASSERTION_TYPE, client_assertion: clientSecret }
  const form = new URLSearchParams({ ...parameters, client_id: clientId, ...proof })
  return { method: 'POST', headers, body: form.toString() }
}
