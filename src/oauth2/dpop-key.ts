import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isConfidential, type TokenClient } from '../clients/clients.ts'
import { OAuthError } from '../http/errors.ts'
import { InvalidProofError, type DpopKey } from '../tokens/dpop-proof.ts'

/**
 * The key of the request's DPoP proof, to which the tokens of the response are bound (RFC 9449 section 5). Undefined
 * without a proof. Throws `invalid_dpop_proof` for an invalid proof, and for a missing one of a client that is
 * registered with `dpop_bound_access_tokens`.
 */
export async function readDpopKey (
  app: FastifyInstance, request: FastifyRequest, client: Omit<TokenClient, 'clientId'>
): Promise<DpopKey | undefined> {
  const jkt = await app.verifyProof(request).catch((error: unknown) => {
    throw error instanceof InvalidProofError ? new OAuthError('invalid_dpop_proof', error.message) : error
  })
  if (jkt !== undefined) return { jkt, bindsRefreshTokens: !isConfidential(client) }
  if (client.metadata.dpopBoundAccessTokens) {
    throw new OAuthError('invalid_dpop_proof', 'This client must send a DPoP proof: the DPoP header is missing.')
  }
  return undefined
}
