import { randomUUID } from 'node:crypto'

/** Plain OAuth 2.0 with a profile, or OpenID Connect with an ID token that is verified. */
export type ProviderKind = 'oauth' | 'openid'

/** How many people sign in again and again at each provider. */
export const PEOPLE = 500

let turn = 0

/** One of the 500 people of a provider, each in turn. */
export const knownPerson = (kind: ProviderKind): string => `${kind}-${turn++ % PEOPLE}`

/** A person whom no server has seen. */
export const newPerson = (kind: ProviderKind): string => `${kind}-${randomUUID()}`

/**
 * The path and query with which the provider sends the browser back. The stub accepts any code: it names the person
 * and, where the authorization request had one, the nonce. So the authorization endpoint is never called.
 */
export function callbackFrom (location: string, path: string, person: string): string {
  const parameters = new URL(location).searchParams
  const nonce = parameters.get('nonce')
  const code = nonce === null ? person : `${person}.${nonce}`
  return `${path}?code=${code}&state=${encodeURIComponent(parameters.get('state') ?? '')}`
}
