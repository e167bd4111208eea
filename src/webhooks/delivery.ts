import type { FastifyBaseLogger } from 'fastify'
import { networkReason } from '../providers/http.ts'
import type { Sealer } from '../vault/sealing.ts'
import { mayReach } from './address.ts'
import { MAX_ATTEMPTS, type ClaimedDelivery, type DeliveryRepository, type Result } from './delivery-repository.ts'
import type { EndpointRepository } from './endpoint-repository.ts'
import { createKeyedQueue } from './keyed-queue.ts'
import { toBody } from './message.ts'
import { post } from './post.ts'
import { signedHeaders } from './signing.ts'

export interface Delivery {
  /** Sends what a user's box at an endpoint holds, one after the other, up to the first that fails. Returns at once. */
  begin: (endpointId: string, userId: string) => void
  /** Begins with all that is due: what failed before, and what a process that ended left behind. */
  beginDue: (endpointId?: string) => Promise<void>
  /** Sends one message, outside of the order and without another try. */
  send: (message: Outgoing) => Promise<Attempt>
  /** Begins nothing more; what is under way gets two seconds. */
  close: () => Promise<void>
}

export interface Outgoing { id: string, url: string, body: string, secrets: string[] }

/** The status of the answer, or why there was none. */
export interface Attempt { statusCode: number | null, error: string | null }

export interface DeliveryOptions {
  deliveries: DeliveryRepository
  endpoints: Pick<EndpointRepository, 'disable'>
  /** The user as they are now; undefined when they are gone. */
  findUser: (userId: string) => Promise<object | undefined>
  sealer: Sealer
  allowPrivate: boolean
  log: Pick<FastifyBaseLogger, 'warn'>
}

const ATTEMPT_TIMEOUT_MS = 10_000
const CLOSING_MS = 2_000
const BATCH = 5_000
const GONE = 410

/**
 * Webhooks, at least once and in order for each user: a delivery is pending in the database until an endpoint has taken it (2xx), and the
 * ones behind it wait. Several instances may begin with the same box: one claims.
 */
export function createDelivery ({ deliveries, endpoints, findUser, sealer, allowPrivate, log }: DeliveryOptions): Delivery {
  const stopping = new AbortController()
  const closing = new AbortController()
  const queue = createKeyedQueue((endpointId, userId) => drain(endpointId, userId).catch((error: unknown) => {
    log.warn({ err: error, endpointId }, 'webhooks could not be delivered; they are tried again')
  }))

  async function drain (endpointId: string, userId: string): Promise<void> {
    while (!stopping.signal.aborted) {
      const delivery = await deliveries.claim(endpointId, userId)
      if (!delivery) return
      const attempt = await deliver(delivery)
      // Cut short by closing, and so not known to have failed: it comes again when its time is over.
      if (closing.signal.aborted && attempt.statusCode === null) return
      const result = judge(attempt, delivery.attempts)
      await deliveries.settle(delivery, result)
      if (attempt.statusCode === GONE) await endpoints.disable(endpointId)
      if (result.status === 'pending') return
    }
  }

  async function deliver ({ id, endpointId, userId, type, details, createdAt, url, sealedSecret, sealedPreviousSecret }: ClaimedDelivery): Promise<Attempt> {
    const secrets = [sealedSecret, sealedPreviousSecret].flatMap((sealed) => sealed === null ? [] : sealer.open(sealed, endpointId) ?? [])
    if (secrets.length === 0) return { statusCode: null, error: 'SECRET_UNREADABLE' }
    const body = toBody({ type, timestamp: createdAt, data: { userId, ...details, user: await findUser(userId) ?? null } })
    return await send({ id, url, body, secrets })
  }

  async function send ({ id, url, body, secrets }: Outgoing): Promise<Attempt> {
    const timeout = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS)
    const { protocol } = new URL(url)
    try {
      const { status } = await post(url, {
        headers: signedHeaders(id, body, secrets),
        body,
        signal: AbortSignal.any([timeout, closing.signal]),
        mayReach: (address) => mayReach(address, { protocol, allowPrivate })
      })
      return { statusCode: status, error: null }
    } catch (error) {
      return { statusCode: null, error: timeout.aborted ? 'TIMEOUT' : networkReason(error) }
    }
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

function judge ({ statusCode, error }: Attempt, attempts: number): Result {
  if (statusCode !== null && statusCode >= 200 && statusCode < 300) return { status: 'delivered', statusCode, error: null }
  return { status: attempts >= MAX_ATTEMPTS && statusCode !== GONE ? 'failed' : 'pending', statusCode, error }
}
