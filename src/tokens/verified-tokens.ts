import type { KeyService } from '../keys/service.ts'
import type { AccessTokenClaims } from './access-tokens.ts'

/** Remembers access tokens that were verified before, since a client sends the same one for fifteen minutes. */
export interface VerifiedTokens {
  /** The claims of a remembered token; undefined once it has expired or its key has been removed. */
  find: (authorization: string) => Promise<AccessTokenClaims | undefined>
  /** Remembers a token that has just been verified, by the whole Authorization header that carried it. */
  add: (authorization: string, kid: string, claims: AccessTokenClaims) => void
}

/**
 * Holds the `capacity` tokens that were verified last. The cache of fast-jwt also holds an error for each token that it
 * refused, and with the error the request (docs/adr/0004-signing.md).
 */
export function createVerifiedTokens (keys: Pick<KeyService, 'verificationKey'>, capacity = 10_000): VerifiedTokens {
  const tokens = new Map<string, { kid: string, claims: AccessTokenClaims }>()

  return {
    async find (authorization) {
      const token = tokens.get(authorization)
      if (!token || token.claims.exp * 1000 <= Date.now()) return undefined
      return await keys.verificationKey(token.kid) ? token.claims : undefined
    },

    add (authorization, kid, claims) {
      const oldest = tokens.keys().next()
      if (tokens.size >= capacity && !oldest.done) tokens.delete(oldest.value)
      // Later requests share these claims.
      for (const value of Object.values(claims)) Object.freeze(value)
      tokens.set(authorization, { kid, claims: Object.freeze(claims) })
    }
  }
}
