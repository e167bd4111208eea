import { createPrivateKey, randomUUID, type JsonWebKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { parseJson } from '../http/json.ts'
import { member } from './claims.ts'

/** The key of a client that proves itself by `private_key_jwt`. */
export interface AssertionKey {
  key: KeyObject
  /** A JWK may say it. */
  kid: string | undefined
  /** The algorithms that fit the key, the usual one first. */
  algorithms: string[]
}

export const PRIVATE_KEY_RULE =
  'must be a private key for RS256, PS256, ES256, ES384, ES512 or EdDSA: PEM (line ends may be written \\n), or a JWK'

const BY_CURVE: Record<string, string> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }
const MIN_RSA_BITS = 2048
const LIFETIME_SECONDS = 60

/** Reads a PEM or a JWK; undefined for anything else. */
export function readAssertionKey (text: string): AssertionKey | undefined {
  try {
    const jwk = parseJson(text)
    const key = jwk === undefined
      ? createPrivateKey(text.replaceAll('\\n', '\n'))
      : createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
    const kid = member(jwk, 'kid')
    const algorithms = algorithmsOf(key)
    return algorithms.length === 0 ? undefined : { key, kid: typeof kid === 'string' ? kid : undefined, algorithms }
  } catch {
    return undefined
  }
}

function algorithmsOf ({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string[] {
  const { modulusLength = 0, namedCurve = '' } = asymmetricKeyDetails
  if (asymmetricKeyType === 'rsa') return modulusLength >= MIN_RSA_BITS ? ['RS256', 'PS256'] : []
  if (asymmetricKeyType === 'ed25519') return ['EdDSA']
  const algorithm = asymmetricKeyType === 'ec' ? BY_CURVE[namedCurve] : undefined
  return algorithm === undefined ? [] : [algorithm]
}

export interface AssertionOptions {
  clientId: string
  tokenUrl: string
  /** What the provider takes; undefined where it does not say. */
  algorithms: string[] | undefined
}

/**
 * Signs a client assertion for each request (OpenID Connect Core section 9): its audience is the token endpoint, which
 * Okta and Microsoft demand, and its `jti` is new.
 */
export function createClientAssertion (
  { key, kid, algorithms: own }: AssertionKey, { clientId, tokenUrl, algorithms }: AssertionOptions
): () => Promise<string> {
  const alg = own.find((one) => algorithms?.includes(one) ?? true) ?? own[0] as string
  return async () => {
    const now = Math.floor(Date.now() / 1000)
    return await new SignJWT()
      .setProtectedHeader({ alg, ...kid === undefined ? {} : { kid } })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(tokenUrl)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + LIFETIME_SECONDS)
      .sign(key)
  }
}
