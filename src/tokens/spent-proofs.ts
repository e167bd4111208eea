import { hash } from 'node:crypto'
import type { Database } from '../database/database.ts'
import type { SpendProof } from './dpop-proof.ts'

/** Remembers DPoP proofs in the database, for all instances. A `jti` counts for its key only. */
export function createSpentProofs ({ prisma, clock }: Pick<Database, 'prisma' | 'clock'>): SpendProof {
  return async ({ jkt, jti }, rememberSeconds) => {
    const data = [{ hash: hash('sha256', `dpop:${jkt}:${jti}`, 'buffer'), expiresAt: clock.inSeconds(rememberSeconds) }]
    return (await prisma.spentState.createMany({ data, skipDuplicates: true })).count === 1
  }
}
