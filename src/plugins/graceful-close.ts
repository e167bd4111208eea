import fp from 'fastify-plugin'

/**
 * While the service closes, each answer that is still under way also ends its connection. Otherwise a client that keeps
 * it alive would keep the process alive, until the time to drain is over.
 */
export const gracefulClose = fp(async (app) => {
  let isClosing = false
  app.addHook('preClose', async () => { isClosing = true })
  app.addHook('onSend', async (_request, reply) => { if (isClosing) reply.header('connection', 'close') })
}, { name: 'graceful-close' })
