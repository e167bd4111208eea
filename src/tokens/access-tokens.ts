import { randomUUID } from 'node:crypto'
import type { KeyService } from '../keys/service.ts'
import type { SessionGrant } from './grants.ts'

/** The claims of an access token (RFC 9068 section 2.2). No email and no name: access tokens end up in logs. */
export interface AccessTokenClaims {
  iss: string
  sub: string
  aud: string
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
  issue: (grant: SessionGrant) => string
}

export interface AccessTokenOptions { issuer: string, audience: string, lifetimeSeconds: number }

export function createAccessTokens (keys: Pick<KeyService, 'sign'>, options: AccessTokenOptions): AccessTokens {
  const { issuer, audience, lifetimeSeconds } = options
  return {
    lifetimeSeconds,
    issue (grant) {
      const now = Math.floor(Date.now() / 1000)
      const claims: AccessTokenClaims = {
        iss: issuer,
        sub: grant.userId,
        aud: audience,
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
      return keys.sign('at+jwt', claims)
    }
  }
}
