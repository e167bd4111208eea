import { parseJson } from '../http/json.ts'
import type { TokenSet } from '../providers/provider.ts'
import type { Sealer } from '../vault/sealing.ts'
import { toIdentityText, type AccountIdentity } from './identity.ts'

/** The tokens of a provider that are kept for an account. */
export interface StoredTokens {
  accessToken: string
  /** Null when the provider issued none, or no longer accepts it. */
  refreshToken: string | null
  /** RFC 3339; null when the provider did not say. */
  expiresAt: string | null
  scope: string
  /** The app that the tokens were issued to, where it was not this service (Apple). */
  clientId?: string
}

/** Two columns of an account, sealed under ENCRYPTION_KEYS: some providers issue a refresh token only once. */
export interface SealedTokens { sealedTokens: string | null, sealedRefreshToken: string | null }

export type AccountWithTokens = AccountIdentity & SealedTokens & { id: string }

export const WITH_TOKENS = {
  id: true, provider: true, issuer: true, subject: true, sealedTokens: true, sealedRefreshToken: true
} as const

/** Seals the tokens of a provider to the identity of their account, so that they open for no other. */
export interface ProviderTokens {
  seal: (identity: AccountIdentity, tokens: StoredTokens) => SealedTokens
  /** Undefined when there are none, or when they were sealed for another account or under a key that is gone. */
  open: (account: AccountWithTokens) => StoredTokens | undefined
}

export function createProviderTokens (sealer: Sealer): ProviderTokens {
  return {
    seal (identity, { refreshToken, ...tokens }) {
      const context = toIdentityText(identity)
      return {
        sealedTokens: sealer.seal(JSON.stringify(tokens), context),
        sealedRefreshToken: refreshToken === null ? null : sealer.seal(refreshToken, context)
      }
    },

    open ({ id, sealedTokens, sealedRefreshToken, ...identity }) {
      if (sealedTokens === null) return undefined
      const context = toIdentityText(identity)
      // Version 0.1 sealed all tokens in one column, to the id of the account.
      const opened = sealer.open(sealedTokens, context) ?? sealer.open(sealedTokens, id)
      if (opened === undefined) return undefined
      const refreshToken = sealedRefreshToken === null ? undefined : sealer.open(sealedRefreshToken, context)
      const tokens = parseJson(opened) as StoredTokens
      return { ...tokens, refreshToken: refreshToken ?? tokens.refreshToken ?? null }
    }
  }
}

export function toStoredTokens ({ accessToken, refreshToken, expiresAt, scope, clientId }: TokenSet): StoredTokens {
  return {
    accessToken,
    refreshToken: refreshToken ?? null,
    expiresAt: expiresAt?.toISOString() ?? null,
    scope,
    ...clientId !== undefined && { clientId }
  }
}
