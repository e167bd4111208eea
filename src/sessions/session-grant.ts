import type { Prisma } from '../database/generated/client.ts'
import { toIdentityGrant, type IdentityGrant } from '../tokens/grants.ts'

/** The columns of a session that a grant is made from, with those of its user. */
export const GRANT_SELECT = {
  id: true,
  clientId: true,
  scope: true,
  resources: true,
  authenticatedAt: true,
  user: {
    select: {
      id: true,
      roles: true,
      email: true,
      name: true,
      avatarUrl: true,
      metadata: true,
      accounts: { select: { username: true }, orderBy: [{ createdAt: 'asc' as const }, { id: 'asc' as const }] }
    }
  }
} satisfies Prisma.SessionSelect

type GrantRow = Prisma.SessionGetPayload<{ select: typeof GRANT_SELECT }>

export function toGrant ({ id, user, ...session }: GrantRow): IdentityGrant {
  const metadata = user.metadata as IdentityGrant['metadata']
  return toIdentityGrant({ ...user, metadata }, { ...session, sessionId: id })
}
