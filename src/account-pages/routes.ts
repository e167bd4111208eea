import type { FastifyPluginAsync } from 'fastify'
import { createLayout } from '../page-sessions/layout.ts'
import { requirePageSession } from '../page-sessions/visit.ts'
import { activityPage } from './activity-page.ts'
import type { AccountPageOptions } from './context.ts'
import { dataPages } from './data-pages.ts'
import { grantPages } from './grant-pages.ts'
import { linkPages } from './link-pages.ts'
import { linkedAccountPages } from './linked-account-pages.ts'
import { profilePage } from './profile-page.ts'
import { sessionPages } from './session-pages.ts'
import { tokenPages } from './token-pages.ts'

/**
 * /account: the API's routes below /me as pages for the person, without script. Each page asks the API in this process
 * and writes through it alone. A section of its own is one more plugin here, with its link in page-sessions/layout.ts.
 */
export const accountPages: FastifyPluginAsync<AccountPageOptions> = async (app, options) => {
  requirePageSession(app, options)
  const context = { ...options, sendPersonPage: createLayout(options.issuerUrl) }
  await app.register(profilePage, context)
  await app.register(sessionPages, context)
  await app.register(linkedAccountPages, context)
  await app.register(linkPages, context)
  await app.register(tokenPages, context)
  await app.register(grantPages, context)
  await app.register(activityPage, context)
  await app.register(dataPages, context)
}
