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

/** What a client is given for itself. */
export interface ClientGrant {
  clientId: string
  scope: string
  /** What the token is for; none for TOKEN_AUDIENCE. */
  resources: string[]
  /** The thumbprint of the DPoP key that the token is bound to; undefined for a bearer token. */
  jkt?: string | undefined
}

export interface AccessTokens {
  lifetimeSeconds: number
  issue: (grant: IdentityGrant) => string
  /** The token of a client itself, of which it has no role. */
  issueToClient: (grant: ClientGrant) => string
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
  const ownAudience = toAudience(options.audience)

  // Both kinds of claims are written out: built by spreads they take six times as long to make and serialize.
  const audienceOf = (resources: string[]) => resources.length === 0 ? ownAudience : toAudience(resources)

  return {
    lifetimeSeconds,

    issue (grant) {
      const now = Math.floor(Date.now() / 1000)
      const claims: AccessTokenClaims = {
        iss: issuer,
        aud: audienceOf(grant.resources),
        exp: now + lifetimeSeconds,
        iat: now,
        jti: randomUUID(),
        sub: grant.userId,
        client_id: grant.clientId,
        sid: grant.sessionId,
        scope: grant.scope,
        roles: grant.roles,
        auth_time: grant.authTime
      }
      if (grant.jkt !== undefined) claims.cnf = { jkt: grant.jkt }
      if (grant.isPersonalToken) claims.amr = [PERSONAL_TOKEN]
      // A third party gets what its user consented to.
      const hasOwnClaims = ownClaims && !grant.isThirdParty
      return keys.sign(type, hasOwnClaims ? Object.assign(ownClaims(grant), claims) : claims)
    },

    issueToClient (grant) {
      const { clientId, scope, resources, jkt } = grant
      const now = Math.floor(Date.now() / 1000)
      const claims: ClientTokenClaims = {
        iss: issuer,
        aud: audienceOf(resources),
        exp: now + lifetimeSeconds,
        iat: now,
        jti: randomUUID(),
        sub: clientId,
        client_id: clientId,
        scope,
        roles: []
      }
      if (jkt !== undefined) claims.cnf = { jkt }
      return keys.sign(type, claims)
    }
  }
}

/** One audience is a text (RFC 7519 section 4.1.3). */
function toAudience (audience: string[]): string | string[] {
  return audience.length === 1 ? audience[0] as string : audience
}
