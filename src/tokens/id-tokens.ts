import { createHash } from 'node:crypto'
import type { KeyService } from '../keys/service.ts'
import type { SigningAlgorithm } from '../keys/signing-algorithm.ts'
import type { ClaimTemplate } from './claim-template.ts'
import type { IdentityGrant } from './grants.ts'
import { hasScope } from './scope.ts'

/** The claims of an ID token (OpenID Connect Core section 2). */
export interface IdTokenClaims extends IdentityClaims {
  iss: string
  sub: string
  aud: string
  exp: number
  iat: number
  auth_time: number
  nonce?: string
  at_hash: string
  sid: string
}

/** The claims that scopes open (OpenID Connect Core section 5.4), both in an ID token and at the userinfo endpoint. */
export interface IdentityClaims {
  email?: string
  email_verified?: boolean
  name?: string
  picture?: string
  preferred_username?: string
  roles?: string[]
}

/** `claims_supported` of the metadata (OpenID Connect Discovery section 3). */
export const ID_TOKEN_CLAIMS = [
  'iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'at_hash', 'sid',
  'email', 'email_verified', 'name', 'picture', 'preferred_username', 'roles'
] as const satisfies (keyof IdTokenClaims)[]

/** The claims about a user that a scope opens and that have a value. */
export function identityClaims (
  scope: string,
  { email, name, avatarUrl, username, roles }: Pick<
    IdentityGrant, 'email' | 'name' | 'avatarUrl' | 'username' | 'roles'
  >
): IdentityClaims {
  const claims: IdentityClaims = {}
  if (hasScope(scope, 'email') && email !== null) Object.assign(claims, { email, email_verified: true })
  if (hasScope(scope, 'profile')) {
    if (name !== null) claims.name = name
    if (avatarUrl !== null) claims.picture = avatarUrl
    if (username !== null) claims.preferred_username = username
  }
  if (hasScope(scope, 'roles')) claims.roles = roles
  return claims
}

export interface IdTokenOptions {
  issuer: string
  lifetimeSeconds: number
  algorithm: SigningAlgorithm
  /** ID_TOKEN_CLAIMS. */
  ownClaims?: ClaimTemplate | undefined
}

/**
 * Issues the ID token of a grant whose scope has `openid`; undefined for any other grant. It is signed by SIGNING_ALG
 * unless the client wants another algorithm (`id_token_signed_response_alg`).
 */
export type IssueIdToken =
  (grant: IdentityGrant, accessToken: string, algorithm?: SigningAlgorithm) => Promise<string | undefined>

export function createIdTokens (keys: Pick<KeyService, 'sign' | 'prepare'>, options: IdTokenOptions): IssueIdToken {
  const { issuer, lifetimeSeconds, ownClaims } = options
  return async (grant, accessToken, algorithm = options.algorithm) => {
    if (!hasScope(grant.scope, 'openid')) return undefined
    if (algorithm !== options.algorithm) await keys.prepare(algorithm)
    const now = Math.floor(Date.now() / 1000)
    const claims: IdTokenClaims = {
      iss: issuer,
      sub: grant.userId,
      aud: grant.clientId,
      exp: now + lifetimeSeconds,
      iat: now,
      auth_time: grant.authTime,
      at_hash: accessTokenHash(accessToken, algorithm),
      sid: grant.sessionId
    }
    if (grant.nonce !== null) claims.nonce = grant.nonce
    Object.assign(claims, identityClaims(grant.scope, grant))
    const hasOwnClaims = ownClaims && !grant.isThirdParty
    return keys.sign('JWT', hasOwnClaims ? Object.assign(ownClaims(grant), claims) : claims, algorithm)
  }
}

/**
 * `at_hash`: the left half of the access token's hash, made with the hash function of the signature algorithm
 * (OpenID Connect Core section 3.1.3.6). Ed25519 uses SHA-512 (RFC 8032 section 5.1).
 */
function accessTokenHash (accessToken: string, algorithm: string): string {
  const digest = createHash(algorithm === 'EdDSA' ? 'sha512' : 'sha256').update(accessToken).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
