import fp from 'fastify-plugin'

export interface Shutdown {
  /** Readiness fails from now on, so that load balancers send requests elsewhere. Requests are still answered. */
  begin: () => void
  hasBegun: () => boolean
}

declare module 'fastify' {
  interface FastifyInstance { shutdown: Shutdown }
}

/**
 * Ends the connection with each response once the shutdown has begun. A client that kept its connection alive would
 * send its next request here, and keep the process alive until the drain time is over.
 */
export const gracefulClose = fp(async (app) => {
  let hasBegun = false
  const begin = () => { hasBegun = true }
  app.decorate('shutdown', { begin, hasBegun: () => hasBegun } satisfies Shutdown)
  app.addHook('preClose', async () => begin())
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (hasBegun) reply.header('connection', 'close')
    done()
  })
}, { name: 'graceful-close' })
