import { recordEvents, type By } from '../audit/events.ts'
import type { Database } from '../database/database.ts'
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
  /**
   * Plans changes on the keys as they are and writes them with an audit event for each retired key. A lock lets one
   * instance at a time do this.
   */
  change: (plan: (keys: SigningKeyRow[]) => KeyChanges, by: By) => Promise<void>
}

const KEYS_LOCK = 7_463_010_256

/** Not through Prisma: a start needs nothing else of it, and its first query costs 0.1 s and 30 MB. */
const LIST = `
  SELECT kid, alg, status, public_jwk AS "publicJwk", sealed_private_key AS "sealedPrivateKey",
    created_at AS "createdAt", activated_at AS "activatedAt", retired_at AS "retiredAt"
  FROM signing_keys ORDER BY created_at`

export function createKeyRepository ({ pool, prisma }: Database): KeyRepository {
  return {
    list: async () => (await pool.query({ name: 'list-signing-keys', text: LIST })).rows,

    async change (plan, { actorId, caller, details }) {
      await prisma.$transaction(async (tx) => {
        await tx.$executeRaw`SELECT pg_advisory_xact_lock(${KEYS_LOCK}::bigint)`
        const keys = await tx.signingKey.findMany({ orderBy: { createdAt: 'asc' } })
        const { retire, activate, create, remove } = plan(keys)
        const now = new Date()
        await tx.signingKey.deleteMany({ where: { kid: { in: remove } } })
        await tx.signingKey.updateMany({
          where: { kid: { in: retire } },
          data: { status: 'retired', retiredAt: now }
        })
        if (activate !== undefined) {
          await tx.signingKey.update({ where: { kid: activate }, data: { status: 'current', activatedAt: now } })
        }
        await tx.signingKey.createMany({
          data: create.map((key) => ({ ...key, activatedAt: key.status === 'current' ? now : null }))
        })
        const current = activate ?? create.find(({ status }) => status === 'current')?.kid
        await recordEvents(tx, retire.map((kid) =>
          ({ type: 'key.rotated', actorId, details: { ...details, retired: kid, current } })), caller)
      })
    }
  }
}
