import { randomUUID } from 'node:crypto'
import type { KeyService } from '../keys/service.ts'
import type { TokenType } from '../keys/signers.ts'
import type { ClaimTemplate } from './claim-template.ts'
import type { IdentityGrant } from './grants.ts'

/** The claims of an access token (RFC 9068 section 2.2). No email and no name: access tokens end up in logs. */
export interface AccessTokenClaims {
  iss: string
  sub: string
  aud: string | string[]
  exp: number
  iat: number
  jti: string
  client_id: string
  /** The session. Signet refuses the token once it has ended; other services accept the token until it expires. */
  sid: string
  scope: string
  roles: string[]
  auth_time: number
  /** The key that the token is bound to (RFC 9449 section 6.1). */
  cnf?: { jkt: string }
}

export interface AccessTokens {
  lifetimeSeconds: number
  issue: (grant: IdentityGrant) => string
}

export interface AccessTokenOptions {
  issuer: string
  /** TOKEN_AUDIENCE: what a token is for unless its session has resources. */
  audience: string[]
  lifetimeSeconds: number
  /** ACCESS_TOKEN_TYPE. */
  type?: TokenType
  /** TOKEN_CLAIMS. */
  ownClaims?: ClaimTemplate | undefined
}

export function createAccessTokens (keys: Pick<KeyService, 'sign'>, options: AccessTokenOptions): AccessTokens {
  const { issuer, lifetimeSeconds, type = 'at+jwt', ownClaims } = options
  const audience = toAudience(options.audience)
  return {
    lifetimeSeconds,
    issue (grant) {
      const now = Math.floor(Date.now() / 1000)
      const claims: AccessTokenClaims = {
        iss: issuer,
        sub: grant.userId,
        aud: grant.resources.length === 0 ? audience : toAudience(grant.resources),
        exp: now + lifetimeSeconds,
        iat: now,
        jti: randomUUID(),
        client_id: grant.clientId,
        sid: grant.sessionId,
        scope: grant.scope,
        roles: grant.roles,
        auth_time: grant.authTime,
        ...grant.jkt === undefined ? {} : { cnf: { jkt: grant.jkt } }
      }
      return keys.sign(type, ownClaims ? { ...ownClaims(grant), ...claims } : claims)
    }
  }
}

/** One audience is a text (RFC 7519 section 4.1.3). */
function toAudience (audience: string[]): string | string[] {
  return audience.length === 1 ? audience[0] as string : audience
}
