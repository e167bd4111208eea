import { v7 as uuidv7 } from 'uuid'
import type { Transaction } from '../database/transaction.ts'
import type { NewEvent } from './new-event.ts'

/** What endpoints can subscribe to. */
export const WEBHOOK_TYPES = [
  'user.created',
  'user.updated',
  'user.deleted',
  'account.linked',
  'account.unlinked',
  'provider.event',
  'consent.granted',
  'consent.revoked',
  'session.revoked',
  'token.reuse_detected'
] as const

/** Events that endpoints learn of as another type. */
const REPORTED_AS: Partial<Record<NewEvent['type'], string>> = {
  'user.roles_changed': 'user.updated',
  'user.disabled': 'user.updated',
  'user.enabled': 'user.updated'
}

interface Report {
  userId: string
  type: string
  details: Record<string, string>
}

/**
 * Adds a delivery for each endpoint that subscribes to an event's type, and a job that sends it once the transaction
 * has committed. A delivery holds ids and codes only; the user is read when it is sent.
 */
export async function addToOutbox (tx: Transaction, events: NewEvent[]): Promise<void> {
  const reports = distinct(events.flatMap(toReport))
  if (reports.length === 0) return
  const endpoints = await tx.webhookEndpoint.findMany({
    where: { enabled: true, types: { hasSome: reports.map(({ type }) => type) } },
    select: { id: true, types: true },
    orderBy: { id: 'asc' }
  })
  const deliveries = reports.flatMap(({ userId, type, details }) =>
    endpoints
      .filter(({ types }) => types.includes(type))
      .map((endpoint) => ({ id: uuidv7(), endpointId: endpoint.id, userId, type, details }))
  )
  if (deliveries.length === 0) return
  await tx.webhookDelivery.createMany({ data: deliveries })
  const payloads = distinct(deliveries.map(({ endpointId, userId }) => ({ endpointId, userId })))
  await tx.$executeRaw`
    SELECT graphile_worker.add_job('deliver-webhooks', payload::json)
    FROM unnest(${payloads.map((payload) => JSON.stringify(payload))}::text[]) AS payload`
}

function toReport ({ type, userId, deletedUserId, clientId, provider, details = {} }: NewEvent): Report[] {
  const reportedType = REPORTED_AS[type] ?? type
  const subject = userId ?? deletedUserId
  if (!subject || !WEBHOOK_TYPES.some((one) => one === reportedType)) return []
  const { accountId, sessionId, reason, event } = details
  const consented = type.startsWith('consent.') ? { clientId } : {}
  const texts = Object.entries({ accountId, sessionId, provider, reason, event, ...consented }).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string'
  )
  return [{ userId: subject, type: reportedType, details: Object.fromEntries(texts) }]
}

/** Several events of one change may say the same of a user: an endpoint hears it once. */
function distinct<Item> (items: Item[]): Item[] {
  return [...new Map(items.map((item) => [JSON.stringify(item), item])).values()]
}
