import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { SendPersonPage } from '../page-sessions/layout.ts'
import type { VisitOptions } from '../page-sessions/visit.ts'
import type { Providers } from '../providers/registry.ts'

export interface AdminPageOptions extends VisitOptions { providers: Providers }

export interface AdminPageContext extends AdminPageOptions { sendPersonPage: SendPersonPage }

export type AdminPages = FastifyPluginAsyncTypebox<AdminPageContext>

export const TAG = 'Administration pages'
