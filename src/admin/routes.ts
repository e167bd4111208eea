import type { FastifyPluginAsync } from 'fastify'
import type { AuditRepository } from '../audit/repository.ts'
import type { KeyService } from '../keys/service.ts'
import type { UserRepository } from '../users/repository.ts'
import type { WebhookService } from '../webhooks/service.ts'
import { adminAuditRoutes } from './audit-routes.ts'
import { adminClientRoutes, type AdminClientOptions } from './client-routes.ts'
import { requireAdmin } from './guard.ts'
import { adminKeyRoutes } from './key-routes.ts'
import { adminUserRoutes, type AdminUserOptions } from './user-routes.ts'
import { webhookRoutes } from './webhook-routes.ts'

export type AdminOptions = AdminUserOptions & AdminClientOptions & {
  users: Pick<UserRepository, 'rolesBySession'>
  keys: KeyService
  audit: AuditRepository
  webhooks: WebhookService
}

/** All routes below /admin. */
export const adminRoutes: FastifyPluginAsync<AdminOptions> = async (app, options) => {
  requireAdmin(app, options.users)
  await app.register(adminUserRoutes, options)
  await app.register(adminClientRoutes, options)
  await app.register(adminKeyRoutes, options)
  await app.register(adminAuditRoutes, options)
  await app.register(webhookRoutes, options)
}
