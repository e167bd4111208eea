import type { FastifyPluginAsync } from 'fastify'
import { Problem } from '../http/errors.ts'
import { createLayout } from '../page-sessions/layout.ts'
import { requirePageSession } from '../page-sessions/visit.ts'
import { clientPages } from './client-pages.ts'
import type { AdminPageOptions } from './context.ts'
import { eventPage } from './event-page.ts'
import { keyPages } from './key-pages.ts'
import { userPages } from './user-pages.ts'
import { webhookPages } from './webhook-pages.ts'

/**
 * /admin: the API's routes below /admin as pages, for administrators. They stand below /admin/pages, so that the API's
 * own paths answer as they always did. Each page asks the API in this process and writes through it alone.
 */
export const adminPages: FastifyPluginAsync<AdminPageOptions> = async (app, options) => {
  requirePageSession(app, options)
  // The API decides at each call; this is for the pages that call nothing. Both roles are the database's of now.
  app.addHook('onRequest', async ({ visit }) => {
    if (!visit.grant.roles.includes('admin')) throw new Problem('forbidden')
  })
  const context = { ...options, sendPersonPage: createLayout(options.issuerUrl) }
  await app.register(userPages, context)
  await app.register(clientPages, context)
  await app.register(eventPage, context)
  await app.register(keyPages, context)
  await app.register(webhookPages, context)
}
