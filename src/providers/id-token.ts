import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { Problem } from '../http/errors.ts'
import { invalidIdToken, providerError } from './failure.ts'
import { callProvider } from './http.ts'

/** Asymmetric signatures only: `none` and HMAC are never right here (RFC 8725 section 3.1). */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const CLOCK_TOLERANCE_SECONDS = 60
/** An ID token comes straight from the token endpoint, or from an app a moment after the sign-in: an old one is a replayed one. */
export const ID_TOKEN_MAX_AGE_SECONDS = 60 * 60
const JWKS_MAX_AGE_MS = 10 * 60 * 1000
const REFETCH_COOLDOWN_MS = 10_000

export interface IdTokenExpectation {
  provider: string
  /** Whether `iss` is right: pinned by the settings, never taken from the token alone (CVE-2026-31813). */
  isIssuer: (iss: string, claims: JWTPayload) => boolean
  /** The client ids that the token may be for, and that may have asked for it (`azp`). */
  audiences: string[]
  /** What the claim `nonce` may be; `undefined` where none was chosen, and then there must be none. */
  nonces: (string | undefined)[]
}

/**
 * Verifies an ID token (OpenID Connect Core section 3.1.3.7) and returns its claims. Throws `invalid_id_token`, or
 * `provider_error` and `provider_timeout` when the keys cannot be had.
 */
export async function verifyIdToken (idToken: string, keys: JWTVerifyGetKey, expected: IdTokenExpectation): Promise<JWTPayload & { sub: string }> {
  const { provider, isIssuer, audiences, nonces } = expected
  const options = {
    audience: audiences,
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    maxTokenAge: ID_TOKEN_MAX_AGE_SECONDS,
    requiredClaims: ['iss', 'sub', 'iat', 'exp']
  }
  const claims = await verifyWithAnyKey(idToken, keys, options).catch((error) => {
    if (error instanceof Problem) throw error
    throw invalidIdToken(provider, error instanceof errors.JOSEError ? describe(error) : 'it cannot be read')
  })
  if (typeof claims.iss !== 'string' || !isIssuer(claims.iss, claims)) throw invalidIdToken(provider, 'the claim iss is missing or wrong')
  if (Array.isArray(claims.aud) && claims.aud.length > 1) throw invalidIdToken(provider, 'it is meant for others too (aud)')
  if (claims['azp'] !== undefined && !audiences.includes(claims['azp'] as string)) throw invalidIdToken(provider, 'it was issued to another client (azp)')
  if (!nonces.includes(claims['nonce'] as string | undefined)) throw invalidIdToken(provider, 'the nonce is missing or wrong')
  if (typeof claims.sub !== 'string') throw invalidIdToken(provider, 'sub is missing')
  return { ...claims, sub: claims.sub }
}

type VerifyOptions = Parameters<typeof jwtVerify>[2]

/** A token without `kid` may have been signed by any of several keys: each is tried. */
async function verifyWithAnyKey (idToken: string, keys: JWTVerifyGetKey, options: VerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(idToken, keys, options)).payload
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    for await (const key of error) {
      try {
        return (await jwtVerify(idToken, key, options)).payload
      } catch (failure) {
        if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/**
 * The keys of an issuer: kept for ten minutes; an unknown `kid` fetches them again, once in ten seconds however many
 * tokens ask, so that a rotation is seen at once and random kids cost nothing (SEC-24).
 */
export function createIssuerKeys (provider: string, jwksUri: string): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(jwksUri), {
    cacheMaxAge: JWKS_MAX_AGE_MS,
    cooldownDuration: Infinity,
    [customFetch]: async (url) => {
      const { status, text } = await callProvider(url, { provider, step: 'keys' })
      if (status !== 200) throw providerError(provider, 'keys', `HTTP ${status}`)
      return new Response(text)
    }
  })
  let refetchedAt = -Infinity
  let refetching: Promise<void> | undefined

  return async (header, token) => {
    try {
      return await remote(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw unusableKeys(provider, error)
      if (!refetching) {
        if (Date.now() - refetchedAt < REFETCH_COOLDOWN_MS) throw error
        refetchedAt = Date.now()
        refetching = remote.reload().finally(() => { refetching = undefined })
      }
      await refetching.catch((failure) => { throw unusableKeys(provider, failure) })
      return await remote(header, token)
    }
  }
}

/** A key set that cannot be read is the provider's failure; a key that does not match is the token's. */
function unusableKeys (provider: string, error: unknown): unknown {
  const isTokenFault = error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported || error instanceof Problem
  return isTokenFault ? error : providerError(provider, 'keys', 'the answer is not a key set')
}

/** jose's codes, in words. The token's own content never gets into an error. */
function describe (error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) return `the claim ${error.claim} is missing or wrong`
  if (error instanceof errors.JWKSNoMatchingKey) return 'it is signed with an unknown key'
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong'
  return 'it is malformed'
}
