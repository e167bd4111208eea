import { isListable, revokeAccessTokens } from '../audit/revoke-access-tokens.ts'
import type { Database } from '../database/database.ts'
import type { ClientTokenClaims } from '../tokens/access-tokens.ts'

/**
 * What `GET /revocations` lists of clients' own tokens, which have no session: one by its `jti` in the place of a
 * session's id, and all that a client got before, by its `sub` in the place of a user's.
 */
export interface ClientTokenRepository {
  isRevoked: (claims: ClientTokenClaims) => Promise<boolean>
  /** Revokes one token. Repeating it changes nothing. */
  revoke: (claims: ClientTokenClaims) => Promise<void>
}

export function createClientTokenRepository ({ prisma }: Pick<Database, 'prisma'>): ClientTokenRepository {
  /** The same rule as in `GET /revocations`: a token is refused until one to two seconds after the change. */
  async function isRevoked ({ jti, sub, iat }: ClientTokenClaims): Promise<boolean> {
    const sinceIssue = { revokedAt: { gte: new Date((iat - 1) * 1000) } }
    const ofClient = isListable(sub) ? [{ userId: sub, ...sinceIssue }] : []
    const where = { OR: [{ sessionId: jti }, ...ofClient] }
    return await prisma.revocation.findFirst({ where, select: { id: true } }) !== null
  }

  return {
    isRevoked,

    revoke: async (claims) => {
      if (await isRevoked(claims)) return
      await prisma.$transaction((tx) => revokeAccessTokens(tx, [{ sessionId: claims.jti }]))
    }
  }
}
