import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import { v7 as uuidv7 } from 'uuid'
import type { By } from '../audit/events.ts'
import type { Position } from '../database/newest-first.ts'
import { Problem } from '../http/errors.ts'
import { isMetadataHost } from '../http/metadata-services.ts'
import { parseUrl } from '../http/url.ts'
import type { Sealer } from '../vault/sealing.ts'
import { mayReach } from './address.ts'
import type { Attempt } from './attempt.ts'
import type { Delivery } from './delivery.ts'
import type { DeliveryRepository, DeliveryRow } from './delivery-repository.ts'
import type { Endpoint, EndpointChange, EndpointRepository } from './endpoint-repository.ts'
import { toBody } from './message.ts'
import { newSecret } from './signing.ts'

export type DescribedEndpoint = Pick<Endpoint, 'url' | 'types' | 'enabled'>

/** Administers webhook endpoints. All but `list` and `create` throw `not_found` when there is no such endpoint. */
export interface WebhookService {
  /** Newest first. */
  list: (after: Position, count: number) => Promise<Endpoint[]>
  find: (id: string) => Promise<Endpoint>
  /** Returns the secret, which cannot be read later. Throws `validation_failed` for a URL that may not be called. */
  create: (endpoint: DescribedEndpoint, by: By) => Promise<{ endpoint: Endpoint, secret: string }>
  /** An endpoint that is enabled is sent its pending deliveries. Throws `validation_failed` like `create`. */
  change: (id: string, change: EndpointChange, by: By) => Promise<Endpoint>
  remove: (id: string, by: By) => Promise<void>
  /** Returns a new secret; the previous one goes on signing for 24 hours. */
  rotateSecret: (id: string, by: By) => Promise<string>
  /** Sends a `webhook.test` message, now and once. */
  test: (id: string) => Promise<Attempt>
  /** Newest first. */
  deliveries: (id: string, after: Position, count: number) => Promise<DeliveryRow[]>
  /** Sends a delivery again. Throws `not_found` when there is no such delivery, too. */
  replay: (id: string, deliveryId: string) => Promise<DeliveryRow>
  /** Sends the deliveries of all events since then again, and returns their number. */
  replaySince: (id: string, since: Date) => Promise<number>
}

export interface WebhookOptions {
  endpoints: EndpointRepository
  deliveries: DeliveryRepository
  delivery: Pick<Delivery, 'beginDue' | 'send'>
  sealer: Sealer
  allowPrivate: boolean
}

export function createWebhookService (options: WebhookOptions): WebhookService {
  const { endpoints, deliveries, delivery, sealer, allowPrivate } = options

  async function find (id: string): Promise<Endpoint> {
    return await endpoints.find(id) ?? notFound('endpoint')
  }

  return {
    list: endpoints.list,
    find,

    async create (described, by) {
      checkUrl(described.url, allowPrivate)
      const [id, secret] = [uuidv7(), newSecret()]
      const endpoint = await endpoints.create({ id, ...described, sealedSecret: sealer.seal(secret, id) }, by)
      return { endpoint, secret }
    },

    async change (id, change, by) {
      if (change.url !== undefined) checkUrl(change.url, allowPrivate)
      const endpoint = await endpoints.change(id, change, by) ?? notFound('endpoint')
      if (change.enabled) {
        await deliveries.makeDueNow(id)
        await delivery.beginDue(id)
      }
      return endpoint
    },

    async remove (id, by) {
      if (!await endpoints.remove(id, by)) notFound('endpoint')
    },

    async rotateSecret (id, by) {
      const secret = newSecret()
      if (!await endpoints.rotateSecret(id, sealer.seal(secret, id), by)) notFound('endpoint')
      return secret
    },

    async test (id) {
      const { url } = await find(id)
      const secret = sealer.open(await endpoints.sealedSecret(id) ?? '', id)
      if (secret === undefined) return { statusCode: null, error: 'SECRET_UNREADABLE' }
      const body = toBody({ type: 'webhook.test', timestamp: new Date(), data: {} })
      return await delivery.send({ id: randomUUID(), url, body, secrets: [secret] })
    },

    async deliveries (id, after, count) {
      await find(id)
      return await deliveries.list(id, after, count)
    },

    async replay (id, deliveryId) {
      const replayed = await deliveries.replay(id, deliveryId) ?? notFound('delivery')
      await delivery.beginDue(id)
      return replayed
    },

    async replaySince (id, since) {
      await find(id)
      const count = await deliveries.replaySince(id, since)
      await delivery.beginDue(id)
      return count
    }
  }
}

function notFound (what: string): never {
  throw new Problem('not_found', `There is no such ${what}.`)
}

/** Checks what a URL shows before its name is looked up; every connection checks the address again (post.ts). */
function checkUrl (text: string, allowPrivate: boolean): void {
  const url = parseUrl(text)
  const protocols = allowPrivate ? ['https:', 'http:'] : ['https:']
  if (!url || !protocols.includes(url.protocol)) {
    const orPrivate = allowPrivate ? ', or with http:// for a private address' : ''
    throw new Problem('validation_failed', `url must be a URL that starts with https://${orPrivate}.`)
  }
  const { protocol, hostname, username, password, hash } = url
  if (username !== '' || password !== '' || hash !== '') {
    throw new Problem('validation_failed', 'url must not contain a user name, a password or a fragment.')
  }
  const literal = hostname.replace(/^\[|\]$/g, '')
  if (isMetadataHost(hostname) || (isIP(literal) && !mayReach(literal, { protocol, allowPrivate }))) {
    throw new Problem('validation_failed', 'url must not point to this address.')
  }
}
