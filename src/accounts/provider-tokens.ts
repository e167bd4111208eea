import { parseJson } from '../http/json.ts'
import type { TokenSet } from '../providers/provider.ts'
import type { Sealer } from '../vault/sealing.ts'

/** What is kept of a provider's tokens. */
export interface StoredTokens {
  accessToken: string
  /** Null where the provider gave none, or no longer takes it. */
  refreshToken: string | null
  /** RFC 3339; null where the provider did not say. */
  expiresAt: string | null
  scope: string
}

/** The providers' tokens as they lie in the database: sealed, each bound to the row of its account (SEC-82). */
export interface ProviderTokens {
  seal: (accountId: string, tokens: StoredTokens) => string
  /** Undefined when there are none, or they were sealed for another row or under a key that is gone. */
  open: (accountId: string, sealed: string | null) => StoredTokens | undefined
}

export function createProviderTokens (sealer: Sealer): ProviderTokens {
  return {
    seal: (accountId, tokens) => sealer.seal(JSON.stringify(tokens), accountId),
    open (accountId, sealed) {
      const opened = sealed === null ? undefined : sealer.open(sealed, accountId)
      return opened === undefined ? undefined : parseJson(opened) as StoredTokens
    }
  }
}

/** What to keep when a provider gives new tokens. */
export function keepTokens ({ accessToken, refreshToken, expiresAt, scope }: TokenSet, before: StoredTokens | undefined): StoredTokens {
  return keepRefreshToken({ accessToken, refreshToken: refreshToken ?? null, expiresAt: expiresAt?.toISOString() ?? null, scope }, before)
}

/** Some providers give a refresh token the first time only, so an older one lives on. */
export function keepRefreshToken (fresh: StoredTokens, before: StoredTokens | undefined): StoredTokens {
  return { ...fresh, refreshToken: fresh.refreshToken ?? before?.refreshToken ?? null }
}
