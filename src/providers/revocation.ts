import { parseJson } from '../http/json.ts'
import { member } from './claims.ts'
import { basicAsItIs, clientRequest, hasTwoSpellings, type ClientCredentials } from './client-authentication.ts'
import { providerError } from './failure.ts'
import { callProvider, type ProviderAnswer } from './http.ts'
import type { HeldTokens } from './provider.ts'

export interface RevocationEndpoint extends ClientCredentials {
  provider: string
  url: string
}

/**
 * Revokes a grant (RFC 7009): by its refresh token where there is one, since that ends the whole grant, otherwise by
 * the access token. Succeeds for a token that the provider no longer knows. Throws a Problem when a later attempt may
 * succeed.
 */
export async function revokeToken (
  endpoint: RevocationEndpoint, { accessToken, refreshToken }: HeldTokens, signal: AbortSignal
): Promise<void> {
  const { provider, url, clientId, clientSecret } = endpoint
  const request = clientRequest(endpoint, {
    token: refreshToken ?? accessToken,
    token_type_hint: refreshToken === undefined ? 'access_token' : 'refresh_token',
    client_id: clientId
  })
  const send = (headers: Record<string, string>) =>
    callProvider(url, { provider, step: 'revocation', signal, ...request, headers })
  let answer = await send(request.headers)
  if (isClientError(answer) && hasTwoSpellings(endpoint)) {
    answer = await send({ ...request.headers, authorization: basicAsItIs(clientId, clientSecret) })
  }
  const { status } = answer
  // Apple answers a wrong client secret with 400, as other providers answer an unknown token.
  if (isClientError(answer)) throw providerError(provider, 'revocation', 'it was refused')
  acceptRevocation(provider, status)
}

/** Errors of the client, not of the token (RFC 6749 section 5.2, RFC 7009 section 2.2.1). */
const CLIENT_ERRORS = ['invalid_client', 'unauthorized_client', 'unsupported_token_type']

function isClientError ({ text }: ProviderAnswer): boolean {
  return CLIENT_ERRORS.includes(member(parseJson(text), 'error') as string)
}

/** Throws a Problem unless the status means success, or a token that is unknown or no longer valid. */
export function acceptRevocation (provider: string, status: number): void {
  const isRevoked = (status >= 200 && status < 300) || [400, 404, 422].includes(status)
  if (!isRevoked) throw providerError(provider, 'revocation', `HTTP ${status}`)
}
