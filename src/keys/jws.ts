import { createPrivateKey, sign } from 'node:crypto'
import type { SigningAlgorithm } from './signing-algorithm.ts'

export interface JwsHeader { alg: SigningAlgorithm, typ: string, kid: string }

/**
 * Makes signed JWTs (RFC 7519) in the compact form of RFC 7515 section 7.1. The key is parsed and the header encoded once, and not for
 * each token (docs/adr/0004).
 */
export function createSigner (privatePem: string, header: JwsHeader): (claims: object) => string {
  const key = createPrivateKey(privatePem)
  const encodedHeader = encode(header)
  // RFC 8037 section 3.1: EdDSA hashes by itself. RFC 7518 section 3.4: ES256 has the two numbers as they are, not in DER.
  const [digest, options] = header.alg === 'EdDSA' ? [null, key] : ['sha256', { key, dsaEncoding: 'ieee-p1363' } as const]
  return (claims) => {
    const input = `${encodedHeader}.${encode(claims)}`
    return `${input}.${sign(digest, Buffer.from(input), options).toString('base64url')}`
  }
}

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
