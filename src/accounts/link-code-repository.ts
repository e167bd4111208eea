import type { Database } from '../database/database.ts'

/** A code is spent only by the client, redirect URI and PKCE challenge that it was made for. */
export interface LinkCode { hash: NonSharedBuffer, clientId: string, redirectUri: string, codeChallenge: string }

export interface LinkCodeRepository {
  create: (code: LinkCode, sealedIdentity: string, lifetimeSeconds: number) => Promise<void>
  /** The identity that the code stands for, once: of many calls at the same time, one gets it. */
  spend: (code: LinkCode) => Promise<string | undefined>
}

export function createLinkCodeRepository ({ prisma, clock }: Database): LinkCodeRepository {
  return {
    async create ({ hash, clientId, redirectUri, codeChallenge }, sealedIdentity, lifetimeSeconds) {
      const expiresAt = clock.inSeconds(lifetimeSeconds)
      const data = { hash, clientId, redirectUri, codeChallenge, sealedIdentity, expiresAt }
      await prisma.linkCode.create({ data, select: { hash: true } })
    },

    async spend ({ hash, clientId, redirectUri, codeChallenge }) {
      const now = clock.now()
      const spent = await prisma.linkCode.updateManyAndReturn({
        where: { hash, clientId, redirectUri, codeChallenge, spentAt: null, expiresAt: { gt: now } },
        data: { spentAt: now },
        select: { sealedIdentity: true }
      })
      return spent[0]?.sealedIdentity
    }
  }
}
