import { randomUUID } from 'node:crypto'
import type { KeyService } from '../keys/service.ts'
import type { SigningAlgorithm } from '../keys/signing-algorithm.ts'

/** A session that has ended. */
export interface Logout { clientId: string, userId: string, sessionId: string }

/** Issues the token that tells a client of the end of a session. */
export type IssueLogoutToken = (logout: Logout, algorithm?: SigningAlgorithm) => string

const LIFETIME_SECONDS = 120

/**
 * Logout tokens (OpenID Connect Back-Channel Logout 1.0 section 2.4). Signed as the ID tokens of the client:
 * clients have one algorithm for both.
 */
export function createLogoutTokens (keys: Pick<KeyService, 'sign'>, issuer: string): IssueLogoutToken {
  return ({ clientId, userId, sessionId }, algorithm) => {
    const now = Math.floor(Date.now() / 1000)
    return keys.sign('logout+jwt', {
      iss: issuer,
      sub: userId,
      aud: clientId,
      iat: now,
      exp: now + LIFETIME_SECONDS,
      jti: randomUUID(),
      sid: sessionId,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} }
    }, algorithm)
  }
}
