import { createHash, createPublicKey, generateKeyPair, type JsonWebKey } from 'node:crypto'
import { promisify } from 'node:util'
import type { SigningAlgorithm } from './signing-algorithm.ts'

export interface KeyPair {
  /** The thumbprint of the public key. */
  kid: string
  publicJwk: JsonWebKey
  /** PKCS #8. */
  privatePem: string
}

export async function createKeyPair (algorithm: SigningAlgorithm): Promise<KeyPair> {
  const { publicKey, privateKey } = await generate(algorithm)
  const publicJwk = publicKey.export({ format: 'jwk' })
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { kid: thumbprint(publicJwk), publicJwk, privatePem }
}

export function toPublicPem (jwk: JsonWebKey): string {
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString()
}

const generatePair = promisify(generateKeyPair)

async function generate (algorithm: SigningAlgorithm) {
  switch (algorithm) {
    case 'RS256': return await generatePair('rsa', { modulusLength: 3072 })
    case 'EdDSA': return await generatePair('ed25519')
    case 'ES256': return await generatePair('ec', { namedCurve: 'P-256' })
  }
}

/** RFC 7638 section 3: the required members in lexicographic order, without white space. */
function thumbprint ({ crv, e, kty, n, x, y }: JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url')
}
