import { assertGrantType, isConfidential, type Client } from '../clients/clients.ts'
import { OAuthError } from '../http/errors.ts'
import type { AccessTokens } from '../tokens/access-tokens.ts'
import { CLIENT_CREDENTIALS } from '../tokens/grant-types.ts'
import type { IssueOptions } from '../tokens/grants.ts'
import type { Resources } from '../tokens/resources.ts'
import { hasScope } from '../tokens/scope.ts'

/** RFC 6749 section 4.4.3: no refresh token, since the client can authenticate again. */
export interface ClientTokenResponse {
  access_token: string
  token_type: 'Bearer' | 'DPoP'
  expires_in: number
  scope?: string
}

export interface ClientCredentialsOptions {
  accessTokens: Pick<AccessTokens, 'issueToClient' | 'lifetimeSeconds'>
  resources: Pick<Resources, 'grantToClient'>
}

/**
 * Issues an access token to an authenticated client itself (RFC 6749 section 4.4). Without `scope` it gets all that it
 * is registered with, as far as the resources have it. Throws `unauthorized_client`, `invalid_scope` for more than
 * that, or `invalid_target` for an unknown resource.
 */
export function issueClientToken (
  { accessTokens, resources }: ClientCredentialsOptions,
  client: Client,
  requested: { scope: string | undefined, issue: IssueOptions }
): ClientTokenResponse {
  if (!isConfidential(client)) {
    throw new OAuthError('unauthorized_client', 'Only a confidential client can have tokens of its own.')
  }
  assertGrantType(client, CLIENT_CREDENTIALS)
  const { clientId, metadata } = client
  const { resources: named, key } = requested.issue
  const granted = resources.grantToClient({ scope: metadata.scope, resources: named, registered: metadata.resource })
  const scope = requested.scope === undefined ? granted.scope : narrow(requested.scope, granted.scope)
  return {
    access_token: accessTokens.issueToClient({ clientId, scope, resources: granted.resources, jkt: key?.jkt }),
    token_type: key === undefined ? 'Bearer' : 'DPoP',
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
      ? 'This client has no scope here.'
      : `This client has the scope '${allowed}' here.`)
  }
  return names.join(' ')
}
