import fp from 'fastify-plugin'
import { badDpop, hasDpopToken } from '../http/dpop.ts'
import type { AccessTokenClaims } from '../tokens/access-tokens.ts'
import { createProofVerifier, InvalidProofError } from '../tokens/dpop-proof.ts'
import { createSpentProofs } from '../tokens/spent-proofs.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The thumbprint of the key that made the request's DPoP proof; undefined without a proof. Throws an
     * InvalidProofError (RFC 9449 section 4.3). A proof passes once.
     */
    verifyProof: (request: FastifyRequest, accessToken?: string) => Promise<string | undefined>
    /**
     * Rejects the request with 401 unless it may use the access token that it carries: one that is bound to a key comes
     * with the scheme DPoP and a proof of that key, any other one with neither (RFC 9449 section 7).
     */
    assertSender: (request: FastifyRequest, claims: Pick<AccessTokenClaims, 'cnf'>) => Promise<void>
  }
}

/** Proof of possession (RFC 9449). A request without a proof costs nothing. */
export const dpop = fp<{ issuerUrl: string }>(async (app, { issuerUrl }) => {
  const verify = createProofVerifier(createSpentProofs(app.database))

  // Fastify's `url` lacks the issuer's path, if it has one.
  app.decorate('verifyProof', async ({ headers: { dpop: proof }, method, url }, accessToken) =>
    proof === undefined ? undefined : await verify(String(proof), { method, url: issuerUrl + url, accessToken }))

  app.decorate('assertSender', async (request, { cnf }) => {
    const isDpop = hasDpopToken(request)
    if (!isDpop && cnf === undefined && request.headers['dpop'] === undefined) return
    if (cnf === undefined) {
      throw badDpop('invalid_token', 'The access token is bound to no key: send it as Bearer, without a DPoP proof.')
    }
    if (!isDpop) {
      throw badDpop('invalid_token', 'The access token is bound to a key: send it as DPoP, with a proof of that key.')
    }
    const [, accessToken = ''] = request.headers.authorization?.split(' ') ?? []
    const jkt = await app.verifyProof(request, accessToken).catch((error: unknown) => {
      throw error instanceof InvalidProofError ? badDpop('invalid_dpop_proof', error.message) : error
    })
    if (jkt === undefined) throw badDpop('invalid_dpop_proof', 'The DPoP proof is missing.')
    if (jkt !== cnf.jkt) throw badDpop('invalid_token', 'The DPoP proof is of another key than the access token.')
  })
}, { name: 'dpop', dependencies: ['database'] })
