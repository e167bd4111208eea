import fp from 'fastify-plugin'

/** The end of the service, told before it comes. */
export interface Ending {
  /** From now on it is not ready for more, though it goes on answering, so that load balancers send their requests elsewhere. */
  announce: () => void
  isAnnounced: () => boolean
}

declare module 'fastify' {
  interface FastifyInstance { ending: Ending }
}

/**
 * Once the end is announced, at the latest when the service closes, each answer also ends its connection. Otherwise a
 * client that keeps it alive would come here again, and keep the process alive until the time to drain is over.
 */
export const gracefulClose = fp(async (app) => {
  let isAnnounced = false
  const announce = () => { isAnnounced = true }
  app.decorate('ending', { announce, isAnnounced: () => isAnnounced } satisfies Ending)
  app.addHook('preClose', async () => announce())
  app.addHook('onSend', (_request, reply, _payload, done) => {
    if (isAnnounced) reply.header('connection', 'close')
    done()
  })
}, { name: 'graceful-close' })
