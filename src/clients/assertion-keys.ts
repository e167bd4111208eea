import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { isLoopback, parseUrl } from '../http/url.ts'

/** The keys that a client registers to sign its assertions with (RFC 7517 section 5). */
export interface JwkSet { keys: { kty: string, [member: string]: unknown }[] }

/** Asymmetric signatures only: with a shared secret there is nothing that the client alone can make. */
export const ASSERTION_ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'
]

const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']
const MIN_RSA_BITS = 2048
/** What only private and symmetric keys have (RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** What is wrong with a key set, as the end of a sentence about the client; undefined when it is good. */
export function jwksMistake ({ keys }: JwkSet): string | undefined {
  if (keys.some((key) => SECRET_MEMBERS.some((member) => member in key))) {
    return 'has a secret key in jwks: register the public one, and replace the key that was shown'
  }
  return keys.every(isVerificationKey) ? undefined : 'has a key in jwks that is not for RS256, PS256, ES256 or EdDSA'
}

function isVerificationKey (jwk: JwkSet['keys'][number]): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' })
    const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails ?? {}
    if (asymmetricKeyType === 'rsa') return modulusLength >= MIN_RSA_BITS
    return asymmetricKeyType === 'ed25519' || (asymmetricKeyType === 'ec' && CURVES.includes(namedCurve))
  } catch {
    return false
  }
}

/** Whether a key set, or an issuer's metadata, may be read there: https, or http of a loopback address. */
export function isKeysUrl (text: string): boolean {
  const url = parseUrl(text)
  if (!url || !/^[\x21-\x7e]+$/.test(text) || url.hash !== '') return false
  if (url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url))
}
