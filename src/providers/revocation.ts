import { parseJson } from '../http/json.ts'
import { member } from './claims.ts'
import { clientRequest, type ClientCredentials } from './client-authentication.ts'
import { providerError } from './failure.ts'
import { callProvider } from './http.ts'
import type { HeldTokens } from './provider.ts'

export interface RevocationEndpoint extends ClientCredentials {
  provider: string
  url: string
}

/**
 * Takes a grant back (RFC 7009): by its refresh token where there is one, since that ends all of it, else by the access
 * token. A token that the provider no longer knows is as good as revoked. Throws a Problem when it may be tried again.
 */
export async function revokeToken (endpoint: RevocationEndpoint, { accessToken, refreshToken }: HeldTokens, signal: AbortSignal): Promise<void> {
  const { provider, url } = endpoint
  const parameters = { token: refreshToken ?? accessToken, token_type_hint: refreshToken === undefined ? 'access_token' : 'refresh_token', client_id: endpoint.clientId }
  const { status, text } = await callProvider(url, { provider, step: 'revocation', signal, ...clientRequest(endpoint, parameters) })
  // Apple answers a bad client secret with 400, as others an unknown token.
  if (CLIENT_FAULTS.includes(member(parseJson(text), 'error') as string)) throw providerError(provider, 'revocation', 'it was refused')
  acceptRevocation(provider, status)
}

/** Errors that are about the client and not about the token (RFC 6749 section 5.2, RFC 7009 section 2.2.1). */
const CLIENT_FAULTS = ['invalid_client', 'unauthorized_client', 'unsupported_token_type']

/** Success, or a token that is not known (any more); all other answers are failures. */
export function acceptRevocation (provider: string, status: number): void {
  if ((status < 200 || status > 299) && ![400, 404, 422].includes(status)) throw providerError(provider, 'revocation', `HTTP ${status}`)
}
