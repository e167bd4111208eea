import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'

export interface Received {
  id: string
  type: string
  timestamp: string
  data: any
  signatures: string[]
  /** What this receiver answered; undefined while it has not. */
  status: number | undefined
}

/** A status, or an answer of one's own making; 'hang' takes the message and never answers. */
export type Behaviour = (message: Received) => number | 'hang' | ((response: ServerResponse) => void)

/** A service that receives webhooks, with the `standardwebhooks` package as it is. */
export async function startWebhookReceiver () {
  const received: Received[] = []
  const unverified: string[] = []
  let behaviour: Behaviour = () => 204
  let secret = ''

  const server = createServer(async (request, response) => {
    const raw = await text(request)
    let body
    try {
      body = new Webhook(secret).verify(raw, request.headers as Record<string, string>) as Received
    } catch (error) {
      unverified.push((error as Error).message)
      return response.writeHead(401).end()
    }
    const message = {
      ...body,
      id: String(request.headers['webhook-id']),
      signatures: String(request.headers['webhook-signature']).split(' '),
      status: undefined as number | undefined
    }
    received.push(message)
    const answer = behaviour(message)
    if (answer === 'hang') return
    if (typeof answer === 'function') return answer(response)
    message.status = answer
    response.writeHead(answer).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    /** All that came and verified, in order, whatever was answered. */
    received,
    /** What did not verify. A test asserts that there is none. */
    unverified,
    verifyWith (text: string) {
      secret = text
    },
    behave (how: Behaviour) {
      behaviour = how
    },
    /** The accepted messages, once there are so many. */
    async taken (count: number): Promise<Received[]> {
      const taken = () => received.filter(({ status }) => status !== undefined && status < 300)
      for (const endsAt = Date.now() + 20_000; taken().length < count && Date.now() < endsAt;) await sleep(20)
      return taken()
    },
    /** Waits until so many came, whatever was answered. */
    async came (count: number): Promise<Received[]> {
      for (const endsAt = Date.now() + 20_000; received.length < count && Date.now() < endsAt;) await sleep(20)
      return received
    },
    async close () {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    }
  }
}

export type WebhookReceiver = Awaited<ReturnType<typeof startWebhookReceiver>>
