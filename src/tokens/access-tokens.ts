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
  /** `personal_token` where a personal token brought it (RFC 9068 section 2.2.1). */
  amr?: string[]
}

const PERSONAL_TOKEN = 'personal_token'

/** True for an access token that a personal token brought: whoever sent it did not sign in. */
export function isByPersonalToken ({ amr }: Pick<AccessTokenClaims, 'amr'>): boolean {
  return amr?.includes(PERSONAL_TOKEN) ?? false
}

/** The claims of a client's own access token (RFC 6749 section 4.4): `sub` is the client, and there is no session. */
export type ClientTokenClaims = Omit<AccessTokenClaims, 'sid' | 'auth_time'> & { sid?: never, auth_time?: never }

/** Tells a client's own token from a user's. */
export function isClientToken (claims: AccessTokenClaims | ClientTokenClaims): claims is ClientTokenClaims {
  return !('sid' in claims) && claims.sub === claims.client_id
}

export interface AccessTokens {
  lifetimeSeconds: number
  issue: (grant: SessionGrant) => string
  /** The token of a client itself, of which it has no role. */
  issueToClient: (clientId: string, scope: string) => string
}

export interface AccessTokenOptions { issuer: string, audience: string, lifetimeSeconds: number }

export function createAccessTokens (keys: Pick<KeyService, 'sign'>, options: AccessTokenOptions): AccessTokens {
  const { issuer, audience, lifetimeSeconds } = options
  function common () {
    const now = Math.floor(Date.now() / 1000)
    return { iss: issuer, aud: audience, exp: now + lifetimeSeconds, iat: now, jti: randomUUID() }
  }

  return {
    lifetimeSeconds,

    issue (grant) {
      const claims: AccessTokenClaims = {
        ...common(),
        sub: grant.userId,
        client_id: grant.clientId,
        sid: grant.sessionId,
        scope: grant.scope,
        roles: grant.roles,
        auth_time: grant.authTime,
        ...grant.isPersonalToken ? { amr: [PERSONAL_TOKEN] } : {}
      }
      return keys.sign('at+jwt', claims)
    },

    issueToClient (clientId, scope) {
      const claims: ClientTokenClaims = { ...common(), sub: clientId, client_id: clientId, scope, roles: [] }
      return keys.sign('at+jwt', claims)
    }
  }
}
