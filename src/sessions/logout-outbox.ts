import { v7 as uuidv7 } from 'uuid'
import type { Transaction } from '../database/transaction.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'

interface EndedSession { id: string, userId: string, clientId: string }

/**
 * Adds a delivery for each ended session of a registered client, and a job that sends it once the transaction has
 * committed. Whether the client has a `backchannel_logout_uri` is seen then: CLIENTS is not in the database.
 */
export async function addLogouts (tx: Transaction, ended: EndedSession[]): Promise<void> {
  const deliveries = ended
    .filter(({ clientId }) => clientId !== OWN_CLIENT_ID)
    .map(({ id: sessionId, userId, clientId }) => ({ id: uuidv7(), sessionId, userId, clientId }))
  if (deliveries.length === 0) return
  await tx.logoutDelivery.createMany({ data: deliveries })
  const payloads = new Set(deliveries.map(({ clientId, userId }) => JSON.stringify({ clientId, userId })))
  await tx.$executeRaw`
    SELECT graphile_worker.add_job('deliver-logouts', payload::json) FROM unnest(${[...payloads]}::text[]) AS payload`
}
