import { assertGrantType, isConfidential, type Client } from '../clients/clients.ts'
import { OAuthError } from '../http/errors.ts'
import type { AccessTokens } from '../tokens/access-tokens.ts'
import { CLIENT_CREDENTIALS } from '../tokens/grant-types.ts'
import { hasScope } from '../tokens/scope.ts'

/** RFC 6749 section 4.4.3: no refresh token, since the client can authenticate again. */
export interface ClientTokenResponse { access_token: string, token_type: 'Bearer', expires_in: number, scope?: string }

/**
 * Issues an access token to an authenticated client itself (RFC 6749 section 4.4). Without `requestedScope` it gets all
 * the scope that it is registered with. Throws `unauthorized_client`, or `invalid_scope` for more than that.
 */
export function issueClientToken (
  accessTokens: Pick<AccessTokens, 'issueToClient' | 'lifetimeSeconds'>,
  client: Client,
  requestedScope: string | undefined
): ClientTokenResponse {
  if (!isConfidential(client)) {
    throw new OAuthError('unauthorized_client', 'Only a confidential client can have tokens of its own.')
  }
  assertGrantType(client, CLIENT_CREDENTIALS)
  const { clientId, metadata: { scope: allowed = '' } } = client
  const scope = requestedScope === undefined ? allowed : narrow(requestedScope, allowed)
  return {
    access_token: accessTokens.issueToClient(clientId, scope),
    token_type: 'Bearer',
    expires_in: accessTokens.lifetimeSeconds,
    ...scope === '' ? {} : { scope }
  }
}

/** The requested names, each once. Machines are told of a name that they do not have, since no person could notice. */
function narrow (requested: string, allowed: string): string {
  const names = [...new Set(requested.split(' ').filter((name) => name !== ''))]
  const unknown = names.find((name) => !hasScope(allowed, name))
  if (unknown !== undefined) {
    throw new OAuthError('invalid_scope', allowed === ''
      ? 'This client is registered without a scope.'
      : `This client is registered with the scope '${allowed}'.`)
  }
  return names.join(' ')
}
