import type { FastifyBaseLogger } from 'fastify'
import type { Sealer } from '../vault/sealing.ts'
import { attempt, type Attempt } from './attempt.ts'
import { MAX_ATTEMPTS, type ClaimedDelivery, type DeliveryRepository, type Result } from './delivery-repository.ts'
import type { EndpointRepository } from './endpoint-repository.ts'
import { createKeyedQueue } from './keyed-queue.ts'
import { toBody } from './message.ts'
import { signedHeaders } from './signing.ts'

export interface Delivery {
  /** Starts to send a user's pending deliveries to an endpoint, in order, until one fails. Returns at once. */
  begin: (endpointId: string, userId: string) => void
  /** Starts to send all deliveries that are due: failed ones, and those of a process that ended. */
  beginDue: (endpointId?: string) => Promise<void>
  /** Sends one message, regardless of order and without a retry. */
  send: (message: OutgoingMessage) => Promise<Attempt>
  /** Starts no more attempts, and gives those in progress two seconds. */
  close: () => Promise<void>
}

export interface OutgoingMessage { id: string, url: string, body: string, secrets: string[] }

export interface DeliveryOptions {
  deliveries: DeliveryRepository
  endpoints: Pick<EndpointRepository, 'disable'>
  /** The user as they are now; undefined when they were deleted. */
  findUser: (userId: string) => Promise<object | undefined>
  sealer: Sealer
  allowPrivate: boolean
  log: Pick<FastifyBaseLogger, 'warn'>
}

const CLOSING_MS = 2_000
/** Deliveries of one endpoint that `beginDue` starts at most. */
const BATCH = 5_000
const GONE = 410

/**
 * Delivers webhooks at least once, and in order for each user: a delivery stays pending in the database until the
 * endpoint has accepted it (2xx), and later ones wait for it. Several instances may start on the same deliveries; one
 * of them claims each.
 */
export function createDelivery (options: DeliveryOptions): Delivery {
  const { deliveries, endpoints, findUser, sealer, allowPrivate, log } = options
  const stopping = new AbortController()
  const closing = new AbortController()
  const queue = createKeyedQueue((endpointId, userId) => drain(endpointId, userId).catch((error: unknown) => {
    log.warn({ err: error, endpointId }, 'webhooks could not be delivered; they are tried again')
  }))

  async function drain (endpointId: string, userId: string): Promise<void> {
    while (!stopping.signal.aborted) {
      const delivery = await deliveries.claim(endpointId, userId)
      if (!delivery) return
      const made = await deliver(delivery)
      // Aborted by `close`, so nothing is known of it: it is attempted again once this attempt's time is over.
      if (closing.signal.aborted && made.statusCode === null) return
      const result = toResult(made, delivery.attempts)
      await deliveries.recordResult(delivery, result)
      if (made.statusCode === GONE) await endpoints.disable(endpointId)
      if (result.status === 'pending') return
    }
  }

  async function deliver (delivery: ClaimedDelivery): Promise<Attempt> {
    const { id, endpointId, userId, type, details, createdAt, url, sealedSecret, sealedPreviousSecret } = delivery
    const secrets = [sealedSecret, sealedPreviousSecret]
      .flatMap((sealed) => sealed === null ? [] : sealer.open(sealed, endpointId) ?? [])
    if (secrets.length === 0) return { statusCode: null, error: 'SECRET_UNREADABLE' }
    const user = await findUser(userId) ?? null
    const body = toBody({ type, timestamp: createdAt, data: { userId, ...details, user } })
    return await send({ id, url, body, secrets })
  }

  async function send ({ id, url, body, secrets }: OutgoingMessage): Promise<Attempt> {
    const headers = signedHeaders(id, body, secrets)
    return await attempt(url, { headers, body, signal: closing.signal, allowPrivate })
  }

  return {
    begin: queue.add,

    async beginDue (endpointId) {
      for (const due of await deliveries.due(endpointId ?? null, BATCH)) queue.add(due.endpointId, due.userId)
    },

    send,

    async close () {
      stopping.abort()
      const timer = setTimeout(() => closing.abort(), CLOSING_MS)
      await queue.close()
      clearTimeout(timer)
    }
  }
}

function toResult ({ statusCode, error }: Attempt, attempts: number): Result {
  const isAccepted = statusCode !== null && statusCode >= 200 && statusCode < 300
  if (isAccepted) return { status: 'delivered', statusCode, error: null }
  return { status: attempts >= MAX_ATTEMPTS && statusCode !== GONE ? 'failed' : 'pending', statusCode, error }
}
