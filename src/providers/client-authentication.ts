/** How the client authenticates (RFC 6749 section 2.3.1): `client_secret_post` or `client_secret_basic`. */
export type ClientAuthentication = 'body' | 'header'

export interface ClientCredentials {
  clientId: string
  clientSecret: string
  authentication: ClientAuthentication
}

/** The value of `Authorization`. Id and secret are form-encoded first, as @fastify/oauth2 does it. */
export function basic (clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${formEncode(clientId)}:${formEncode(clientSecret)}`).toString('base64')}`
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
  const form = new URLSearchParams({ ...parameters, client_id: clientId, client_secret: clientSecret })
  return { method: 'POST', headers, body: form.toString() }
}
