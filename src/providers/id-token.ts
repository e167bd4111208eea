import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { Problem } from '../http/errors.ts'
import { parseJson } from '../http/json.ts'
import { member } from './claims.ts'
import { invalidEvent, invalidIdToken, providerError } from './failure.ts'
import { callProvider } from './http.ts'

/** Asymmetric signatures only: `none` and HMAC are never accepted (RFC 8725 section 3.1). */
export const ALGORITHMS = [
  'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'
]
/** How long a token counts after its `exp`. */
const EXPIRY_TOLERANCE_SECONDS = 60
/** How far ahead a provider's clock may be (`iat`, `nbf`). */
const CLOCK_TOLERANCE_SECONDS = 5 * 60
/** ID tokens come from the token endpoint, or from an app just after its sign-in: an older one is replayed. */
export const ID_TOKEN_MAX_AGE_SECONDS = 60 * 60
/** Senders repeat an event until it is accepted: Apple's expire after a day, and Google's do not say. */
export const EVENT_MAX_AGE_SECONDS = 24 * 60 * 60
const JWKS_MAX_AGE_MS = 10 * 60 * 1000
const REFETCH_COOLDOWN_MS = 10_000

export interface IdTokenExpectation {
  provider: string
  /** Whether `iss` is the expected one: pinned by the settings, never taken from the token alone (CVE-2026-31813). */
  isIssuer: (iss: string, claims: JWTPayload) => boolean
  /** The client ids that `aud` and `azp` may name. */
  audiences: string[]
  /** The values that the claim `nonce` may have; `undefined` allows a token without one, `any` allows each. */
  nonces: (string | undefined)[] | 'any'
}

/**
 * Verifies an ID token (OpenID Connect Core section 3.1.3.7) and returns its claims. Throws `invalid_id_token`, or
 * `provider_error` or `provider_timeout` when the keys cannot be read.
 */
export async function verifyIdToken (
  idToken: string, keys: JWTVerifyGetKey, { provider, isIssuer, audiences, nonces }: IdTokenExpectation
): Promise<JWTPayload & { sub: string }> {
  const options = {
    audience: audiences,
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    // jose adds its tolerance, which is there for clocks that are ahead.
    maxTokenAge: ID_TOKEN_MAX_AGE_SECONDS + EXPIRY_TOLERANCE_SECONDS - CLOCK_TOLERANCE_SECONDS,
    requiredClaims: ['iss', 'sub', 'iat', 'exp']
  }
  const fail = (reason: string) => invalidIdToken(provider, reason)
  const claims = await verifyWithAnyKey(idToken, keys, options).catch((error) => {
    if (error instanceof Problem) throw error
    throw fail(error instanceof errors.JOSEError ? describeTokenError(error) : 'it cannot be read')
  })
  const { iss, sub, exp = 0, nonce } = claims
  if (exp <= Date.now() / 1000 - EXPIRY_TOLERANCE_SECONDS) throw fail('it has expired')
  if (typeof iss !== 'string' || !isIssuer(iss, claims)) throw fail('the claim iss is missing or wrong')
  assertIssuedToUs(claims, audiences, fail)
  if (nonces !== 'any' && !nonces.includes(nonce as string | undefined)) throw fail('the nonce is missing or wrong')
  if (typeof sub !== 'string') throw fail('sub is missing')
  return { ...claims, sub }
}

/**
 * Throws unless the token was issued to one of our clients: one that is meant for others too must say so by `azp`
 * (OpenID Connect Core section 3.1.3.7, steps 3 to 5; zitadel#9200).
 */
function assertIssuedToUs ({ aud, azp }: JWTPayload, audiences: string[], fail: (reason: string) => Problem): void {
  const isForOthers = [aud].flat().some((audience) => !audiences.includes(audience as string))
  if ((azp ?? undefined) === undefined) {
    if (isForOthers) throw fail('it is meant for others too (aud)')
  } else if (!audiences.includes(azp as string)) throw fail('it was issued to another client (azp)')
}

/**
 * Verifies user info that is a JWT (OpenID Connect Core section 5.3.2) and returns its claims. Throws
 * `provider_error`, or `provider_timeout` when the keys cannot be read in time.
 */
export async function verifyUserinfo (
  jwt: string, keys: JWTVerifyGetKey, { provider, isIssuer, audiences }: Omit<IdTokenExpectation, 'nonces'>
): Promise<JWTPayload> {
  const options = { algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_SECONDS }
  const fail = (reason: string) => providerError(provider, 'user info', reason)
  const claims = await verifyWithAnyKey(jwt, keys, options).catch((error) => {
    if (error instanceof Problem) throw error
    throw fail(error instanceof errors.JOSEError ? describeTokenError(error) : 'it cannot be read')
  })
  const { iss, aud } = claims
  if (iss !== undefined && !isIssuer(iss, claims)) throw fail('the claim iss is wrong')
  if (aud !== undefined && ![aud].flat().some((audience) => audiences.includes(audience))) {
    throw fail('it is meant for others (aud)')
  }
  return claims
}

/**
 * Verifies a security event token (RFC 8417) and returns its claims. Throws `invalid_event`, or `provider_error` or
 * `provider_timeout` when the keys cannot be read. An ID token is none: it has no `events`.
 */
export async function verifyEventToken (
  token: string, keys: JWTVerifyGetKey, { provider, isIssuer, audiences }: Omit<IdTokenExpectation, 'nonces'>
): Promise<JWTPayload & { jti: string }> {
  const options = {
    audience: audiences,
    algorithms: ALGORITHMS,
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    maxTokenAge: EVENT_MAX_AGE_SECONDS,
    requiredClaims: ['iss', 'aud', 'iat', 'jti', 'events']
  }
  const fail = (reason: string) => invalidEvent(provider, reason)
  const claims = await verifyWithAnyKey(token, keys, options).catch((error) => {
    if (error instanceof Problem) throw error
    throw fail(error instanceof errors.JOSEError ? describeTokenError(error) : 'it cannot be read')
  })
  const { iss, jti } = claims
  if (typeof iss !== 'string' || !isIssuer(iss, claims)) throw fail('the claim iss is missing or wrong')
  if (typeof jti !== 'string' || jti === '') throw fail('the claim jti is missing or wrong')
  return { ...claims, jti }
}

type VerifyOptions = Parameters<typeof jwtVerify>[2]

/**
 * Verifies a JWT. Tries each key for one without `kid`, which any of several keys may have signed. Throws the errors of
 * jose, and those of `keys`.
 */
export async function verifyWithAnyKey (
  idToken: string, keys: JWTVerifyGetKey, options: VerifyOptions
): Promise<JWTPayload> {
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
 * The keys of an issuer, kept for ten minutes. An unknown `kid` reads them again, at most once in ten seconds, so that
 * a rotation is noticed at once and random kids cost nothing (SEC-24).
 */
export function createIssuerKeys (
  provider: string, jwksUri: string, read: (url: string) => Promise<string> = (url) => readKeys(provider, url)
): JWTVerifyGetKey {
  let hasOneNamelessKey = false
  const remote = createRemoteJWKSet(new URL(jwksUri), {
    cacheMaxAge: JWKS_MAX_AGE_MS,
    cooldownDuration: Infinity,
    [customFetch]: async (url) => {
      const text = await read(url)
      const keys = member(parseJson(text), 'keys')
      hasOneNamelessKey = Array.isArray(keys) && keys.length === 1 && member(keys[0], 'kid') === undefined
      return new Response(text)
    }
  })
  /** The only key of a set that does not name it has signed every token, also one that names its key. */
  const find: JWTVerifyGetKey = async ({ kid, ...header }, token) =>
    await remote(hasOneNamelessKey || kid === undefined ? header : { ...header, kid }, token)
  let refetchedAt = -Infinity
  let refetching: Promise<void> | undefined

  return async (header, token) => {
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw unusableKeys(provider, error)
      if (!refetching) {
        if (Date.now() - refetchedAt < REFETCH_COOLDOWN_MS) throw error
        refetchedAt = Date.now()
        refetching = remote.reload().finally(() => { refetching = undefined })
      }
      await refetching.catch((failure) => { throw unusableKeys(provider, failure) })
      return await find(header, token)
    }
  }
}

async function readKeys (provider: string, url: string): Promise<string> {
  const { status, text } = await callProvider(url, { provider, step: 'keys' })
  if (status !== 200) throw providerError(provider, 'keys', `HTTP ${status}`, { providerStatus: status })
  return text
}

/** A key set that cannot be read is the provider's error; a key that does not match is the token's. */
function unusableKeys (provider: string, error: unknown): unknown {
  if (error instanceof Problem) return error
  const isTokenError = error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported
  return isTokenError ? error : providerError(provider, 'keys', 'the answer is not a key set')
}

/** The errors of jose in our words, without the token's content. */
export function describeTokenError (error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) return `the claim ${error.claim} is missing or wrong`
  if (error instanceof errors.JWKSNoMatchingKey) return 'it is signed with an unknown key'
  if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong'
  return 'it is malformed'
}
