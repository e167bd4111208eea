import type { Caller } from '../http/caller.ts'
import { OAuthError } from '../http/errors.ts'
import type { AccessTokens } from '../tokens/access-tokens.ts'
import { commonScope } from '../tokens/scope.ts'
import { createHashedSecret, hashSecret, type RefreshTokenCodec } from '../tokens/refresh-token.ts'
import type { LiveSession, PresentedCode, RevocationReason, SessionRepository } from './repository.ts'
import type { IdentityGrant } from '../tokens/grants.ts'

/** RFC 6749 section 5.1. */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer'
  expires_in: number
  refresh_token: string
  scope: string
  /** When the scope has `openid`; a refresh brings a new one too (OpenID Connect Core section 12.2), without the nonce. */
  id_token?: string
}

/** How often a session may be refreshed; counted by session, since many share an address. */
export interface RefreshLimit { check: (key: string) => Promise<void>, add: (key: string) => Promise<void> }

export interface RefreshRequest {
  refreshToken: string
  clientId: string
  /** Less than what was granted, for the tokens of this answer; all of it unless given. */
  scope: string | undefined
}

export interface SessionService {
  /** What a new session's row needs: its secret stays with the caller, its hash goes into the row. */
  newSecret: typeof createHashedSecret
  /** The tokens of a session that was just opened; with an ID token when its scope asks for one. */
  issue: (grant: IdentityGrant, secret: Buffer) => TokenResponse
  /**
   * Exchanges a refresh token (RFC 6749 section 6). Throws `invalid_grant`, also when the token was stolen: then its session has ended;
   * and `invalid_scope` for a scope that was not granted, which costs the token nothing.
   */
  refresh: (request: RefreshRequest, caller: Caller, limit: RefreshLimit) => Promise<TokenResponse>
  /**
   * Exchanges an authorization code (RFC 6749 section 4.1.3). Throws `invalid_grant`; a code that was used before also
   * ends the session that it opened, if its own client presents it with its redirect URI and verifier.
   */
  redeemCode: (code: PresentedCode, caller: Caller) => Promise<TokenResponse>
  /** Exchanges the code of a device; undefined when nobody has approved it, or it was exchanged before. */
  redeemDeviceCode: (deviceCodeHash: Buffer, clientId: string) => Promise<TokenResponse | undefined>
  /** The session whose live refresh token this is. */
  inspectRefreshToken: (refreshToken: string) => Promise<LiveSession | undefined>
  isAlive: (sessionId: string) => Promise<boolean>
  /** Ends the session behind a refresh token; an unknown one is no error (RFC 7009 section 2.2). */
  endByRefreshToken: (refreshToken: string, reason: RevocationReason, caller: Caller) => Promise<boolean>
  end: (sessionId: string, reason: RevocationReason, caller: Caller) => Promise<boolean>
}

export interface SessionServiceOptions {
  repository: SessionRepository
  codec: RefreshTokenCodec
  accessTokens: AccessTokens
  /** Makes the ID token, when the scope asks for one. */
  idToken: (grant: IdentityGrant, accessToken: string) => string | undefined
  idleSeconds: number
  reuseGraceSeconds: number
  onRefresh?: (outcome: 'rotated' | 'refused' | 'reuse_detected') => void
}

export function createSessionService (options: SessionServiceOptions): SessionService {
  const { repository, codec, accessTokens, onRefresh } = options
  const limits = { idleSeconds: options.idleSeconds, reuseGraceSeconds: options.reuseGraceSeconds }

  function issue (grant: IdentityGrant, secret: Buffer, counter = 0): TokenResponse {
    const accessToken = accessTokens.issue(grant)
    const idToken = options.idToken(grant, accessToken)
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: accessTokens.lifetimeSeconds,
      refresh_token: codec.encode({ sessionId: grant.sessionId, counter, secret }),
      scope: grant.scope,
      ...idToken === undefined ? {} : { id_token: idToken }
    }
  }

  return {
    newSecret: createHashedSecret,
    issue,

    async refresh ({ refreshToken, clientId, scope }, caller, limit) {
      const token = codec.decode(refreshToken)
      if (!token) {
        onRefresh?.('refused')
        throw new OAuthError('invalid_grant', 'This is not a refresh token of this server.')
      }
      await limit.check(token.sessionId)
      const presented = { sessionId: token.sessionId, secretHash: hashSecret(token.secret), counter: token.counter }
      const live = scope === undefined ? undefined : await repository.inspect(presented)
      if (live && scope !== undefined && commonScope(scope, live.scope) !== scope) throw new OAuthError('invalid_scope', `The scope that was granted is '${live.scope}'.`)
      const grant = await repository.rotate(presented, clientId, limits)
      if (!grant) {
        const stolen = await repository.revokeReused(presented, limits, caller)
        onRefresh?.(stolen ? 'reuse_detected' : 'refused')
        throw new OAuthError('invalid_grant', stolen
          ? 'The refresh token was used before. Its session has been ended, because someone else may hold a copy. Sign in again.'
          : 'The refresh token has expired, was revoked, or belongs to another client.')
      }
      onRefresh?.('rotated')
      // Checked before and counted after: a rotation once made is always told. What only repeats another's is free.
      if (grant.rotated) await limit.add(token.sessionId)
      return issue({ ...grant, scope: scope === undefined ? grant.scope : commonScope(scope, grant.scope) }, token.secret, grant.counter)
    },

    async redeemCode (code, caller) {
      const { secret, secretHash } = createHashedSecret()
      const grant = await repository.redeemCode(code, secretHash, options.idleSeconds)
      if (!grant) {
        const sessionId = await repository.sessionOfSpentCode(code)
        if (sessionId !== undefined) await repository.revoke(sessionId, 'code_replayed', caller)
        throw new OAuthError('invalid_grant', sessionId === undefined
          ? 'The code is unknown or older than a minute, or client_id, redirect_uri or code_verifier are not those it was made for.'
          : 'The code was used before. The session that it opened has been ended, because someone else may hold the code.')
      }
      return issue(grant, secret)
    },

    async redeemDeviceCode (deviceCodeHash, clientId) {
      const { secret, secretHash } = createHashedSecret()
      const grant = await repository.redeemDeviceCode(deviceCodeHash, clientId, secretHash, options.idleSeconds)
      return grant && issue(grant, secret)
    },

    async inspectRefreshToken (refreshToken) {
      const token = codec.decode(refreshToken)
      return token && await repository.inspect({ sessionId: token.sessionId, secretHash: hashSecret(token.secret), counter: token.counter })
    },

    isAlive: (sessionId) => repository.isAlive(sessionId),

    async endByRefreshToken (refreshToken, reason, caller) {
      const token = codec.decode(refreshToken)
      return token !== undefined && await repository.revoke(token.sessionId, reason, caller)
    },

    end: (sessionId, reason, caller) => repository.revoke(sessionId, reason, caller)
  }
}
