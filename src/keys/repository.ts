import { recordEvents, type By } from '../audit/events.ts'
import type { Database } from '../database/database.ts'
import type { SigningKeyModel as SigningKeyRow } from '../database/generated/models.ts'

export type { SigningKeyRow }

/** Key ids to retire, activate and remove, and new keys. */
export interface KeyChanges {
  retire: string[]
  activate: string | undefined
  create: { kid: string, alg: string, status: string, publicJwk: object, sealedPrivateKey: string }[]
  remove: string[]
}

export interface KeyRepository {
  /** Oldest first. */
  list: () => Promise<SigningKeyRow[]>
  /**
   * Reads the keys under a lock that one instance holds at a time, and writes the changes that `plan` returns. Each
   * retired key is recorded as `key.rotated`.
   */
  change: (plan: (keys: SigningKeyRow[]) => KeyChanges, by: By) => Promise<void>
}

const KEYS_LOCK = 7_463_010_256n

const OLDEST_FIRST = { createdAt: 'asc' } as const

export function createKeyRepository ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): KeyRepository {
  return {
    list: () => prisma.signingKey.findMany({ orderBy: OLDEST_FIRST }),

    change: (plan, { actorId, caller, details }) => prisma.$transaction(async (tx) => {
      await tx.$executeRaw`SELECT pg_advisory_xact_lock(${KEYS_LOCK})`
      const { retire, activate, create, remove } = plan(await tx.signingKey.findMany({ orderBy: OLDEST_FIRST }))
      const now = clock.now()
      await tx.signingKey.deleteMany({ where: { kid: { in: remove } } })
      await tx.signingKey.updateMany({ where: { kid: { in: retire } }, data: { status: 'retired', retiredAt: now } })
      if (activate !== undefined) {
        await tx.signingKey.update({ where: { kid: activate }, data: { status: 'current', activatedAt: now } })
      }
      const created = create.map((key) => ({ ...key, activatedAt: key.status === 'current' ? now : null }))
      await tx.signingKey.createMany({ data: created })
      const current = activate ?? create.find(({ status }) => status === 'current')?.kid
      const events = retire.map((kid) => ({
        type: 'key.rotated' as const, actorId, details: { ...details, retired: kid, current }
      }))
      await recordEvents(tx, events, caller)
    })
  }
}
