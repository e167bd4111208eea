import type { FastifyBaseLogger } from 'fastify'
import type { Clients } from '../clients/clients.ts'
import type { IssueLogoutToken } from '../tokens/logout-tokens.ts'
import { attempt, type Attempt } from './attempt.ts'
import { createKeyedQueue } from './keyed-queue.ts'
import type { LogoutRepository } from './logout-repository.ts'

export interface LogoutDelivery {
  /** Starts to tell a client of the sessions of a user that have ended. Returns at once. */
  begin: (clientId: string, userId: string) => void
  /** Starts all deliveries that are due: failed ones, and those of a process that ended. */
  beginDue: () => Promise<void>
  /** Starts no more attempts, and gives those in progress two seconds. */
  close: () => Promise<void>
}

export interface LogoutDeliveryOptions {
  deliveries: LogoutRepository
  clients: Pick<Clients, 'find'>
  logoutToken: IssueLogoutToken
  allowPrivate: boolean
  log: Pick<FastifyBaseLogger, 'warn'>
}

const CLOSING_MS = 2_000
/** Deliveries that `beginDue` starts at most. */
const BATCH = 5_000

/**
 * Tells clients that their sessions have ended (OpenID Connect Back-Channel Logout 1.0), each at least once: a delivery
 * stays in the database until the client has accepted it (2xx). A client that hangs delays only itself.
 */
export function createLogoutDelivery (options: LogoutDeliveryOptions): LogoutDelivery {
  const { deliveries, clients, logoutToken, allowPrivate, log } = options
  const stopping = new AbortController()
  const closing = new AbortController()
  const queue = createKeyedQueue((clientId, userId) => drain(clientId, userId).catch((error: unknown) => {
    log.warn({ err: error, clientId }, 'logouts could not be delivered; they are tried again')
  }))

  async function drain (clientId: string, userId: string): Promise<void> {
    const { backchannelLogoutUri: uri, idTokenSignedResponseAlg: algorithm } =
      (await clients.find(clientId))?.metadata ?? {}
    if (uri === undefined) return await deliveries.removeAll(clientId)
    while (!stopping.signal.aborted) {
      const delivery = await deliveries.claim(clientId, userId)
      if (!delivery) return
      const made = await send(uri, logoutToken(delivery, algorithm))
      // Aborted by `close`, so nothing is known of it: it is attempted again.
      if (closing.signal.aborted && made.statusCode === null) return
      const isAccepted = made.statusCode !== null && made.statusCode >= 200 && made.statusCode < 300
      if (!isAccepted) log.warn({ clientId, ...made, isRetried: delivery.isRetried }, 'a client did not take a logout')
      if (isAccepted || !delivery.isRetried) await deliveries.remove(delivery.id)
    }
  }

  /** Section 2.5. Each attempt has a token of its own, which lives for two minutes. */
  async function send (uri: string, token: string): Promise<Attempt> {
    return await attempt(uri, {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ logout_token: token }).toString(),
      signal: closing.signal,
      allowPrivate
    })
  }

  return {
    begin: queue.add,

    async beginDue () {
      for (const { clientId, userId } of await deliveries.due(BATCH)) queue.add(clientId, userId)
    },

    async close () {
      stopping.abort()
      const timer = setTimeout(() => closing.abort(), CLOSING_MS)
      await queue.close()
      clearTimeout(timer)
    }
  }
}
