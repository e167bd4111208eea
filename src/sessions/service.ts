import type { Caller } from '../http/caller.ts'
import { OAuthError } from '../http/errors.ts'
import type { AccessTokens } from '../tokens/access-tokens.ts'
import type { IdentityGrant, IssueOptions } from '../tokens/grants.ts'
import type { IssueIdToken } from '../tokens/id-tokens.ts'
import { createHashedSecret, hashSecret, type RefreshToken, type RefreshTokenCodec } from '../tokens/refresh-token.ts'
import { NOT_GRANTED, invalidTarget, type Resources } from '../tokens/resources.ts'
import { commonScope } from '../tokens/scope.ts'
import type {
  ClientEndReason, PresentedCode, PresentedToken, SessionGrant, SessionRepository, SessionState
} from './repository.ts'

/** RFC 6749 section 5.1. */
export interface TokenResponse {
  access_token: string
  token_type: 'Bearer' | 'DPoP'
  expires_in: number
  refresh_token: string
  /** Left out where it would be empty. */
  scope?: string
  /** When the scope has `openid`. A refresh brings a new one, without the nonce (OpenID Connect Core section 12.2). */
  id_token?: string
}

/** Limits refreshes by session: many users share an address. */
export interface RefreshLimit { check: (sessionId: string) => Promise<void>, add: (sessionId: string) => Promise<void> }

export interface RefreshRequest {
  refreshToken: string
  clientId: string
  /** Narrows the scope of the tokens in this response; the granted scope when undefined. */
  scope: string | undefined
  issue?: IssueOptions
}

export interface SessionService {
  /** The secret of a new session's refresh tokens, for the caller, and its hash, for the session's row. */
  newSecret: typeof createHashedSecret
  /** The tokens of a session that was just opened; with an ID token when its scope has `openid`. */
  issue: (grant: IdentityGrant, secret: Buffer, options?: IssueOptions) => Promise<TokenResponse>
  /**
   * Exchanges a refresh token (RFC 6749 section 6). Throws `invalid_grant` for a token that is not valid; when it was
   * stolen, its session has ended. Throws `invalid_scope` for more than was granted, whether the token is valid or not,
   * and changes nothing: such an answer must not tell a thief that the token was just rotated.
   */
  refresh: (request: RefreshRequest, caller: Caller, limit: RefreshLimit) => Promise<TokenResponse>
  /**
   * Exchanges an authorization code (RFC 6749 section 4.1.3). Throws `invalid_grant`; a code that was used before also
   * ends the session that it opened, if its own client presents it with its redirect URI and verifier.
   */
  redeemCode: (code: PresentedCode, caller: Caller, options?: IssueOptions) => Promise<TokenResponse>
  /** Exchanges the code of a device. Undefined when it was not approved, or exchanged before. */
  redeemDeviceCode: (
    deviceCodeHash: Buffer, clientId: string, caller: Caller, options?: IssueOptions
  ) => Promise<TokenResponse | undefined>
  /** The session of a refresh token that is valid, also within the grace period. */
  inspectRefreshToken: (refreshToken: string) => Promise<SessionState | undefined>
  /** The session that this is or was a refresh token of, whether either still works or not. */
  findByRefreshToken: (refreshToken: string) => Promise<SessionGrant | undefined>
  /** True while the session is active and its user is not disabled. */
  isActive: (sessionId: string) => Promise<boolean>
  /** Ends the session of a refresh token; an unknown token is no error (RFC 7009 section 2.2). */
  endByRefreshToken: (refreshToken: string, reason: ClientEndReason, caller: Caller) => Promise<boolean>
  end: (sessionId: string, reason: ClientEndReason, caller: Caller) => Promise<boolean>
}

export interface SessionServiceOptions {
  repository: SessionRepository
  codec: RefreshTokenCodec
  accessTokens: Pick<AccessTokens, 'issue' | 'lifetimeSeconds'>
  /** The ID token, when the scope has `openid`. */
  idToken: IssueIdToken
  resources: Pick<Resources, 'narrow'>
  idleSeconds: number
  reuseGraceSeconds: number
  onRefresh?: (outcome: 'rotated' | 'refused' | 'reuse_detected') => void
  /** Called for each recorded repeat within the grace period from another address and user agent. */
  onRepeatElsewhere?: () => void
}

export function createSessionService (options: SessionServiceOptions): SessionService {
  const { repository, codec, accessTokens, onRefresh } = options
  const { idleSeconds, reuseGraceSeconds } = options
  const policy = { idleSeconds, reuseGraceSeconds }

  async function issue (
    granted: IdentityGrant, secret: Buffer, issueOptions: IssueOptions = {}, counter = 0
  ): Promise<TokenResponse> {
    const { idTokenAlgorithm, resources, key, isThirdParty = false } = issueOptions
    const { scope, resources: audience } = options.resources.narrow(granted, resources)
    // Copied and then changed: a literal with members beside a spread takes V8 ten times as long.
    const grant: IdentityGrant = { ...granted }
    grant.scope = scope
    grant.resources = audience
    grant.jkt = key?.jkt
    if (isThirdParty) Object.assign(grant, { roles: [], isThirdParty })
    const accessToken = accessTokens.issue(grant)
    const idToken = await options.idToken(grant, accessToken, idTokenAlgorithm)
    return {
      access_token: accessToken,
      token_type: grant.jkt === undefined ? 'Bearer' : 'DPoP',
      expires_in: accessTokens.lifetimeSeconds,
      refresh_token: codec.encode({ sessionId: grant.sessionId, counter, secret }),
      ...grant.scope === '' ? {} : { scope: grant.scope },
      ...idToken === undefined ? {} : { id_token: idToken }
    }
  }

  /** The tokens of a code that was spent. Ends its session where they cannot be issued. */
  async function issueRedeemed (
    grant: IdentityGrant, secret: Buffer, issueOptions: IssueOptions | undefined, caller: Caller
  ): Promise<TokenResponse> {
    return await issue(grant, secret, issueOptions).catch(async (error: unknown) => {
      if (error instanceof OAuthError) await repository.end(grant.sessionId, 'revoked', caller)
      throw error
    })
  }

  return {
    newSecret: createHashedSecret,
    issue,

    async refresh ({ refreshToken, clientId, scope, issue: issueOptions }, caller, limit) {
      const token = codec.decode(refreshToken)
      if (!token) {
        onRefresh?.('refused')
        throw new OAuthError('invalid_grant', 'This is not a refresh token of this server.')
      }
      const presented = toPresented(token)
      // Before anything that depends on whether the token is valid, the limit included.
      const narrows = scope !== undefined || issueOptions?.resources !== undefined
      const session = narrows ? await repository.findByToken(presented) : undefined
      if (session?.clientId === clientId) assertGranted(session, scope, issueOptions?.resources)
      await limit.check(token.sessionId)
      const grant = await repository.rotate(presented, clientId, policy, caller, issueOptions?.key)
      if (!grant) {
        const isStolen = await repository.endIfReused(presented, reuseGraceSeconds, caller, issueOptions?.key)
        onRefresh?.(isStolen ? 'reuse_detected' : 'refused')
        throw new OAuthError('invalid_grant', isStolen
          ? 'The refresh token was used before. Its session has ended, as someone else may hold a copy. Sign in again.'
          : 'The refresh token has expired, was revoked, or belongs to another client or DPoP key.')
      }
      onRefresh?.('rotated')
      // Counted after the rotation, so that the client always gets its new token. Repeats in the grace period are free.
      if (grant.rotated) await limit.add(token.sessionId)
      if (grant.isElsewhere && await repository.recordRepeat(presented, caller)) options.onRepeatElsewhere?.()
      if (scope !== undefined) grant.scope = commonScope(scope, grant.scope)
      return await issue(grant, token.secret, issueOptions, grant.counter)
    },

    async redeemCode (code, caller, issueOptions) {
      const { secret, secretHash } = createHashedSecret()
      const grant = await repository.redeemCode(code, secretHash, idleSeconds, issueOptions?.key)
      if (grant) return await issueRedeemed(grant, secret, issueOptions, caller)
      const sessionId = await repository.sessionOfSpentCode(code)
      if (sessionId === undefined) {
        throw new OAuthError('invalid_grant',
          'The code is unknown or older than a minute, or client_id, redirect_uri, code_verifier or the DPoP key do ' +
          'not match it.')
      }
      await repository.end(sessionId, 'code_replayed', caller)
      throw new OAuthError('invalid_grant',
        'The code was used before. The session that it opened has ended, because someone else may hold the code.')
    },

    async redeemDeviceCode (deviceCodeHash, clientId, caller, issueOptions) {
      const { secret, secretHash } = createHashedSecret()
      const { key } = issueOptions ?? {}
      const grant = await repository.redeemDeviceCode(deviceCodeHash, clientId, secretHash, idleSeconds, caller, key)
      return grant && await issueRedeemed(grant, secret, issueOptions, caller)
    },

    async inspectRefreshToken (refreshToken) {
      const token = codec.decode(refreshToken)
      return token && await repository.inspect(toPresented(token), policy)
    },

    async findByRefreshToken (refreshToken) {
      const token = codec.decode(refreshToken)
      return token && await repository.findByToken(toPresented(token))
    },

    isActive: (sessionId) => repository.isActive(sessionId),

    async endByRefreshToken (refreshToken, reason, caller) {
      const token = codec.decode(refreshToken)
      if (!token || !await repository.findByToken(toPresented(token))) return false
      return await repository.end(token.sessionId, reason, caller)
    },

    end: (sessionId, reason, caller) => repository.end(sessionId, reason, caller)
  }
}

function assertGranted (session: SessionGrant, scope: string | undefined, resources: string[] = []): void {
  if (scope !== undefined && commonScope(scope, session.scope) !== scope) {
    throw new OAuthError('invalid_scope', `The scope that was granted is '${session.scope}'.`)
  }
  if (resources.some((resource) => !session.resources.includes(resource))) throw invalidTarget(NOT_GRANTED)
}

function toPresented ({ sessionId, secret, counter }: RefreshToken): PresentedToken {
  return { sessionId, secretHash: hashSecret(secret), counter }
}
