import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import fp from 'fastify-plugin'

export interface Shutdown {
  /** Readiness fails from now on, so that load balancers send requests elsewhere. Requests are still answered. */
  begin: () => void
  hasBegun: () => boolean
}

declare module 'fastify' {
  interface FastifyInstance { shutdown: Shutdown }
}

/** How long a request that is still being sent may take to arrive once the server closes. */
const ARRIVAL_MS = 3_000

/**
 * Ends the connection with each response once the shutdown has begun. A client that kept its connection alive would
 * send its next request here, and keep the process alive until the drain time is over. A connection on which no whole
 * request has arrived soon after is cut off; one whose request is being answered is not.
 */
export const gracefulClose = fp(async (app) => {
  let hasBegun = false
  const begin = () => { hasBegun = true }
  const connections = new Set<Socket>()
  const unanswered = new Set<IncomingMessage>()
  let cutOff: NodeJS.Timeout | undefined

  app.server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  app.server.on('request', (request, response) => {
    unanswered.add(request)
    response.once('close', () => unanswered.delete(request))
  })

  /** Node itself closes idle connections only: not those that have sent nothing, or a part of a request. */
  function closeUnfinished (): void {
    const arrived = [...unanswered].filter(({ complete }) => complete)
    const inUse = new Set(arrived.map(({ socket }) => socket))
    for (const socket of connections) if (!inUse.has(socket)) socket.destroy()
  }

  app.decorate('shutdown', { begin, hasBegun: () => hasBegun } satisfies Shutdown)
  app.addHook('preClose', async () => {
    begin()
    cutOff = setTimeout(closeUnfinished, ARRIVAL_MS)
  })
  app.addHook('onClose', async () => clearTimeout(cutOff))
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (hasBegun) reply.header('connection', 'close')
    done()
  })
}, { name: 'graceful-close' })
