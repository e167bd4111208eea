import type { Database } from '../plugins/database.ts'
import type { SigningKeyModel as SigningKeyRow } from '../database/generated/models.ts'

export type { SigningKeyRow }

export interface KeyChanges {
  retire: string[]
  activate: string | undefined
  create: { kid: string, alg: string, status: string, publicJwk: object, sealedPrivateKey: string }[]
  remove: string[]
}

export interface KeyRepository {
  list: () => Promise<SigningKeyRow[]>
  /** Reads the keys under a lock that one instance holds at a time, and writes what `plan` makes of them. */
  change: (plan: (keys: SigningKeyRow[]) => KeyChanges) => Promise<void>
}

const KEYS_LOCK = 7_463_010_256

export function createKeyRepository ({ prisma }: Database): KeyRepository {
  const order = { orderBy: { createdAt: 'asc' } } as const
  return {
    list: () => prisma.signingKey.findMany(order),

    async change (plan) {
      await prisma.$transaction(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(${KEYS_LOCK}::bigint)`
        const { retire, activate, create, remove } = plan(await tx.signingKey.findMany(order))
        const now = new Date()
        await tx.signingKey.deleteMany({ where: { kid: { in: remove } } })
        await tx.signingKey.updateMany({ where: { kid: { in: retire } }, data: { status: 'retired', retiredAt: now } })
        if (activate !== undefined) await tx.signingKey.update({ where: { kid: activate }, data: { status: 'current', activatedAt: now } })
        await tx.signingKey.createMany({ data: create.map((key) => ({ ...key, activatedAt: key.status === 'current' ? now : null })) })
      })
    }
  }
}
