import { createSigner } from 'fast-jwt'
import type { SigningAlgorithm } from './signing-algorithm.ts'

/** The `typ` of a token: an access token (RFC 9068 section 2.1), an ID token, or a logout token. */
export type TokenType = 'at+jwt' | 'JWT' | 'logout+jwt'

/** Signs claims as a JWT in the compact serialization (RFC 7515 section 7.1). */
export type Signer = (claims: object) => string

export interface PrivateKey { kid: string, alg: SigningAlgorithm, privatePem: string }

/**
 * A signer for each type of token. Each parses the private key once and keeps it, which the `sign` of @fastify/jwt does
 * only for a key that never changes (docs/adr/0004-signing.md).
 */
export function createSigners ({ kid, alg, privatePem }: PrivateKey): Record<TokenType, Signer> {
  const signerOf = (typ: TokenType) =>
    createSigner<object>({ key: privatePem, algorithm: alg, header: { alg, typ, kid } })
  return { 'at+jwt': signerOf('at+jwt'), JWT: signerOf('JWT'), 'logout+jwt': signerOf('logout+jwt') }
}
