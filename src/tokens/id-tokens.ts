import { createHash } from 'node:crypto'
import { hasScope } from './scope.ts'
import type { IdentityGrant } from './grants.ts'
import type { KeyService } from '../keys/service.ts'

export interface IdTokenOptions { issuer: string, lifetimeSeconds: number, algorithm: string }

/** What a scope lets a client know of a user (OpenID Connect Core section 5.4): the same in an ID token and at userinfo. */
export function identityClaims (scope: string, user: { email: string | null, name: string | null, avatarUrl: string | null }): Record<string, unknown> {
  return {
    ...hasScope(scope, 'email') && user.email !== null ? { email: user.email, email_verified: true } : {},
    ...hasScope(scope, 'profile') && user.name !== null ? { name: user.name } : {},
    ...hasScope(scope, 'profile') && user.avatarUrl !== null ? { picture: user.avatarUrl } : {}
  }
}

/** Makes ID tokens (OpenID Connect Core section 2), for sign-ins whose scope has `openid`. */
export function createIdTokens (keys: KeyService, { issuer, lifetimeSeconds, algorithm }: IdTokenOptions) {
  return (grant: IdentityGrant, accessToken: string): string | undefined => {
    if (!hasScope(grant.scope, 'openid')) return undefined
    const now = Math.floor(Date.now() / 1000)
    return keys.sign('JWT', {
      iss: issuer,
      sub: grant.userId,
      aud: grant.clientId,
      exp: now + lifetimeSeconds,
      iat: now,
      auth_time: grant.authTime,
      ...grant.nonce === null ? {} : { nonce: grant.nonce },
      at_hash: accessTokenHash(accessToken, algorithm),
      sid: grant.sessionId,
      ...identityClaims(grant.scope, grant)
    })
  }
}

/** OpenID Connect Core section 3.1.3.6: the left half of the hash that goes with the signature; Ed25519's is SHA-512. */
function accessTokenHash (accessToken: string, algorithm: string): string {
  const digest = createHash(algorithm === 'EdDSA' ? 'sha512' : 'sha256').update(accessToken).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}
