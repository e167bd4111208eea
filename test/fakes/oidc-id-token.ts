import { createHash, type KeyObject } from 'node:crypto'
import { hmacOf, signatureOf, type KeyAlgorithm, type Keys, type SignatureAlgorithm } from './oidc-keys.ts'

export type Claims = Record<string, unknown>

/** Changes of the next ID tokens; a member that is left out stays correct. */
export interface IdTokenScript {
  /** Claims in place of, or beside, the right ones; `undefined` leaves one out. */
  claims?: Claims
  /** Members of the JWS header in place of, or beside, the right ones. The signature does not follow a false `alg`. */
  header?: Claims
  /**
   * - `normal` (default), `rs256`, `es256`: a right signature.
   * - `none`: `alg` none, no signature.
   * - `hs256-with-secret`, `hs256-with-public-key`: HMAC, keyed with the client's secret or the PEM of the public RSA
   * key.
   * - `wrong-key`: a right-looking signature of a key that is not the provider's, under the provider's `kid`. The key
   *   itself is at `strangerJwksUri`, for headers with `jku` or `jwk`.
   * - `corrupt`: a right signature with one bit changed.
   */
  sign?: 'normal' | 'none' | 'hs256-with-secret' | 'hs256-with-public-key' | 'wrong-key' | 'corrupt' | 'es256' | 'rs256'
  /** The algorithm of `normal`, `wrong-key` and `corrupt`; RS256 by default. */
  algorithm?: SignatureAlgorithm
  /** No `id_token` in the answer. */
  omit?: boolean
  /** This, as it stands, in place of a token. */
  raw?: unknown
}

/** Makes the `id_token` member of a token response by the script. */
export async function makeIdToken (
  rightClaims: Claims,
  script: IdTokenScript,
  keys: Keys,
  clientSecret: string
): Promise<unknown> {
  if (script.omit) return undefined
  if (Object.hasOwn(script, 'raw')) return script.raw
  const { header, signature } = await signer(script, keys, clientSecret)
  const claims = { ...rightClaims, ...script.claims }
  const signingInput = `${encode({ typ: 'JWT', ...header, ...script.header })}.${encode(claims)}`
  return `${signingInput}.${signature(signingInput).toString('base64url')}`
}

/** OpenID Connect Core section 3.1.3.6: the left half of the hash that goes with the signature. */
export function accessTokenHash (accessToken: string): string {
  return createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url')
}

interface Signer {
  header: Claims
  signature: (signingInput: string) => Buffer
}

async function signer (
  { sign = 'normal', algorithm = 'RS256' }: IdTokenScript,
  keys: Keys,
  clientSecret: string
): Promise<Signer> {
  const own = (alg: SignatureAlgorithm): Signer => signWith(alg, keys.current(keyAlgorithm(alg)).privateKey, keys)
  switch (sign) {
    case 'normal':
      return own(algorithm)
    case 'rs256':
      return own('RS256')
    case 'es256':
      return own('ES256')
    case 'none':
      return { header: { alg: 'none' }, signature: () => Buffer.alloc(0) }
    case 'hs256-with-secret':
      return hmacSigner(clientSecret, keys)
    case 'hs256-with-public-key':
      return hmacSigner(keys.current('RS256').publicKey.export({ type: 'spki', format: 'pem' }).toString(), keys)
    case 'wrong-key':
      return signWith(algorithm, (await keys.stranger(keyAlgorithm(algorithm))).privateKey, keys)
    case 'corrupt':
      return {
        header: own(algorithm).header,
        signature: (signingInput) => flipOneBit(own(algorithm).signature(signingInput))
      }
  }
}

function signWith (algorithm: SignatureAlgorithm, privateKey: KeyObject, keys: Keys): Signer {
  return {
    header: { alg: algorithm, kid: keys.kid(keys.current(keyAlgorithm(algorithm))) },
    signature: (signingInput) => signatureOf(signingInput, algorithm, privateKey)
  }
}

function hmacSigner (secret: string, keys: Keys): Signer {
  return {
    header: { alg: 'HS256', kid: keys.kid(keys.current('RS256')) },
    signature: (signingInput) => hmacOf(signingInput, secret)
  }
}

function keyAlgorithm (algorithm: SignatureAlgorithm): KeyAlgorithm {
  return algorithm === 'ES256' ? 'ES256' : 'RS256'
}

function flipOneBit (signature: Buffer): Buffer {
  const flipped = Buffer.from(signature)
  flipped.writeUInt8(flipped.readUInt8(20) ^ 1, 20)
  return flipped
}

function encode (value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
