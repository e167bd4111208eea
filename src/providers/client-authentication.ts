/** How a client of a provider shows who it is: RFC 6749 section 2.3.1, `client_secret_post` or `client_secret_basic`. */
export type ClientAuthentication = 'body' | 'header'

export interface ClientCredentials {
  clientId: string
  clientSecret: string
  authentication: ClientAuthentication
}

/** The value of `Authorization`. Both halves are encoded first, and a colon in them with it. */
export function basic (clientId: string, clientSecret: string): string {
  const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+')
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}

/** The headers and the body of a POST by a client. JSON is for providers that do not take forms. */
export function clientRequest (client: ClientCredentials, parameters: Record<string, string>, format: 'form' | 'json' = 'form'): { method: 'POST', headers: Record<string, string>, body: string } {
  const { clientId, clientSecret, authentication } = client
  const inHeader = authentication === 'header'
  const all = inHeader ? parameters : { ...parameters, client_id: clientId, client_secret: clientSecret }
  return {
    method: 'POST',
    headers: {
      'content-type': format === 'form' ? 'application/x-www-form-urlencoded' : 'application/json',
      ...inHeader ? { authorization: basic(clientId, clientSecret) } : {}
    },
    body: format === 'form' ? new URLSearchParams(all).toString() : JSON.stringify(all)
  }
}
