import type { Database } from '../plugins/database.ts'
import { toUser } from '../users/user.ts'

/** The user as they are now, with `status`; undefined when they are gone. */
export function createUserSnapshots ({ prisma }: Pick<Database, 'prisma'>) {
  return async (id: string) => {
    const user = await prisma.user.findUnique({ where: { id }, include: { accounts: { orderBy: [{ createdAt: 'asc' }, { id: 'asc' }] } } })
    return user ? { ...toUser(user), status: user.disabledAt === null ? 'active' : 'disabled' } : undefined
  }
}
