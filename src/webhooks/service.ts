import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import { v7 as uuidv7 } from 'uuid'
import type { By } from '../audit/events.ts'
import { Problem } from '../http/errors.ts'
import type { Position } from '../http/lists.ts'
import { parseUrl } from '../http/url.ts'
import type { Sealer } from '../vault/sealing.ts'
import { mayReach } from './address.ts'
import type { Attempt, Delivery } from './delivery.ts'
import type { DeliveryRepository, DeliveryRow } from './delivery-repository.ts'
import type { Endpoint, EndpointChange, EndpointRepository } from './endpoint-repository.ts'
import { toBody } from './message.ts'
import { newSecret } from './signing.ts'

/** What administrators do with endpoints. All but `list` and `create` throw `not_found` where there is no such endpoint. */
export interface WebhookService {
  list: (after: Position, count: number) => Promise<Endpoint[]>
  find: (id: string) => Promise<Endpoint>
  /** With the secret, which is not shown again. Throws `validation_failed` for a URL that may not be called. */
  create: (endpoint: Pick<Endpoint, 'url' | 'types' | 'enabled'>, by: By) => Promise<{ endpoint: Endpoint, secret: string }>
  /** One that is enabled again gets what it has not got. Throws `validation_failed` as well. */
  change: (id: string, change: EndpointChange, by: By) => Promise<Endpoint>
  remove: (id: string, by: By) => Promise<void>
  /** A new secret; the one of now signs too for a day more. */
  rotateSecret: (id: string, by: By) => Promise<string>
  /** Sends a message that says nothing, now and once. */
  test: (id: string) => Promise<Attempt>
  deliveries: (id: string, after: Position, count: number) => Promise<DeliveryRow[]>
  /** Throws `not_found` too where there is no such delivery. */
  replay: (id: string, deliveryId: string) => Promise<DeliveryRow>
  replaySince: (id: string, since: Date) => Promise<number>
}

export interface WebhookOptions {
  endpoints: EndpointRepository
  deliveries: DeliveryRepository
  delivery: Pick<Delivery, 'beginDue' | 'send'>
  sealer: Sealer
  allowPrivate: boolean
}

export function createWebhookService ({ endpoints, deliveries, delivery, sealer, allowPrivate }: WebhookOptions): WebhookService {
  async function find (id: string): Promise<Endpoint> {
    return await endpoints.find(id) ?? notFound('endpoint')
  }

  return {
    list: endpoints.list,
    find,

    async create (described, by) {
      checkUrl(described.url, allowPrivate)
      const [id, secret] = [uuidv7(), newSecret()]
      return { endpoint: await endpoints.create({ id, ...described, sealedSecret: sealer.seal(secret, id) }, by), secret }
    },

    async change (id, change, by) {
      if (change.url !== undefined) checkUrl(change.url, allowPrivate)
      const endpoint = await endpoints.change(id, change, by) ?? notFound('endpoint')
      if (change.enabled) {
        await deliveries.hasten(id)
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
      return await delivery.send({ id: randomUUID(), url, body: toBody({ type: 'webhook.test', timestamp: new Date(), data: {} }), secrets: [secret] })
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

/** What can be said before a name is looked up; the rest is checked at each connection (post.ts). */
function checkUrl (text: string, allowPrivate: boolean): void {
  const url = parseUrl(text)
  const protocols = allowPrivate ? ['https:', 'http:'] : ['https:']
  const refuse = (detail: string) => { throw new Problem('validation_failed', detail) }
  if (!url || !protocols.includes(url.protocol)) refuse(`url must be a URL that starts with https://${allowPrivate ? ', or with http:// for a private address' : ''}.`)
  else if (url.username !== '' || url.password !== '' || url.hash !== '') refuse('url must have no user name, password or fragment.')
  const literal = url?.hostname.replace(/^\[|\]$/g, '') ?? ''
  if (isIP(literal) && !mayReach(literal, { protocol: url?.protocol ?? '', allowPrivate })) refuse('url must not lead to this address.')
}
