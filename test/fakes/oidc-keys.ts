import { createHmac, generateKeyPair, randomBytes, sign, constants, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { giveBackRsaPairs, takeRsaPair, type Pair } from './rsa-pairs.ts'

const generate = promisify(generateKeyPair)

export type KeyAlgorithm = 'RS256' | 'ES256'
export type SignatureAlgorithm = KeyAlgorithm | 'RS384' | 'RS512' | 'PS256'
export type Jwk = Record<string, unknown>

/** A key pair of a provider, and the name under which it stands in the key set. */
export interface SigningKey {
  kid: string
  algorithm: KeyAlgorithm
  privateKey: KeyObject
  publicKey: KeyObject
}

/** The contents of the key set; a member that is left out has its default. */
export interface JwksScript {
  /** The algorithms whose keys are shown; both by default. A single key in the set: `['RS256']`. */
  algorithms?: KeyAlgorithm[]
  /** `absent`: no key has a `kid`, and neither do ID tokens. `duplicate`: all have the same one. */
  kids?: 'normal' | 'absent' | 'duplicate'
  /** Whether the keys have an `alg`. Microsoft's do not. */
  alg?: boolean
  /** So many further RS256 keys of the provider, in front of the one that signs. */
  spareKeys?: number
  /** Keys of kinds that no client knows, in front of the others; a client must pass them over. */
  unusableKeys?: boolean
  /** Any further entries. */
  extra?: unknown[]
}

export interface Keys {
  /** The key that signs. */
  current: (algorithm: KeyAlgorithm) => SigningKey
  /** A key that the provider does not know; always the same one. */
  stranger: (algorithm: KeyAlgorithm) => Promise<SigningKey>
  /** The `kid` for the header of an ID token, by the script. */
  kid: (key: SigningKey) => string | undefined
  jwks: () => { keys: unknown[] }
  script: (script: JwksScript) => Promise<void>
  /** Signs with new keys from now on. The old ones leave the key set, unless `keepOld`. */
  rotate: (options?: { keepOld?: boolean }) => Promise<void>
  /** Gives the keys back, for the next fake of this process. */
  release: () => void
}

export async function createKeys (): Promise<Keys> {
  const rsaPairs: Pair[] = []
  let current = await createKeyPair()
  let old: SigningKey[] = []
  let spare: SigningKey[] = []
  let script: JwksScript = {}
  let strangers: Promise<Record<KeyAlgorithm, SigningKey>> | undefined

  const kid = (key: SigningKey) =>
    script.kids === 'absent' ? undefined : script.kids === 'duplicate' ? 'the-only-kid' : key.kid

  return {
    current: (algorithm) => current[algorithm],
    async stranger (algorithm) {
      strangers ??= createKeyPair()
      return (await strangers)[algorithm]
    },
    kid,
    jwks () {
      const shown = (script.algorithms ?? ['RS256', 'ES256']).map((algorithm) => current[algorithm])
      const withoutAlg = script.alg === false ? { alg: undefined } : {}
      const keys = [...spare, ...shown, ...old].map((key) => ({ ...publicJwk(key), kid: kid(key), ...withoutAlg }))
      return { keys: [...(script.unusableKeys ? unusableKeys(current) : []), ...keys, ...(script.extra ?? [])] }
    },
    async script (next) {
      script = next
      spare = await Promise.all(Array.from({ length: next.spareKeys ?? 0 }, async () => await createKey('RS256')))
    },
    async rotate ({ keepOld = false } = {}) {
      const next = await createKeyPair()
      old = keepOld ? [...Object.values(current), ...old] : []
      current = next
    },
    release: () => {
      giveBackRsaPairs(rsaPairs.splice(0))
    }
  }

  async function createKeyPair (): Promise<Record<KeyAlgorithm, SigningKey>> {
    return { RS256: await createKey('RS256'), ES256: await createKey('ES256') }
  }

  async function createKey (algorithm: KeyAlgorithm): Promise<SigningKey> {
    const pair =
      algorithm === 'ES256'
        ? await generate('ec', { namedCurve: 'P-256' })
        : await takeRsaPair()
    if (algorithm === 'RS256') rsaPairs.push(pair)
    return { kid: `${algorithm.toLowerCase()}-${randomBytes(6).toString('hex')}`, algorithm, ...pair }
  }
}

/** The public half, as it stands in a key set (RFC 7517 section 4). */
export function publicJwk (key: SigningKey): Jwk {
  return { ...key.publicKey.export({ format: 'jwk' }), kid: key.kid, alg: key.algorithm, use: 'sig' }
}

/** The signature of a JWS (RFC 7515 section 5.1, RFC 7518 section 3). */
export function signatureOf (signingInput: string, algorithm: SignatureAlgorithm, key: KeyObject): Buffer {
  const hash = `sha${algorithm.slice(2)}`
  if (algorithm === 'ES256') return sign(hash, Buffer.from(signingInput), { key, dsaEncoding: 'ieee-p1363' })
  if (algorithm === 'PS256') {
    return sign(hash, Buffer.from(signingInput), {
      key,
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST
    })
  }
  return sign(hash, Buffer.from(signingInput), key)
}

export function hmacOf (signingInput: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(signingInput).digest()
}

/**
 * The kinds of the OpenID conformance suite (https://gitlab.com/openid/conformance-suite/-/merge_requests/2119): keys
 * that a client must skip when it reads the set, picks a key, or imports it (RFC 7517 section 5).
 */
function unusableKeys (current: Record<KeyAlgorithm, SigningKey>): Jwk[] {
  return [
    { kty: 'AKP', alg: 'ML-DSA-999', kid: 'unusable-akp', use: 'sig', pub: 'AQAB' },
    { kty: 'MADE-UP', alg: 'MU256', kid: 'unusable-kty', use: 'sig' },
    { ...publicJwk(current.RS256), alg: 'RS999', kid: 'unusable-rsa' },
    { ...publicJwk(current.ES256), alg: 'ES999', kid: 'unusable-ec' },
    { ...publicJwk(current.ES256), crv: 'P-999', kid: 'unusable-curve' }
  ]
}
