import type { FastifyPluginAsync } from 'fastify'
import { register } from './register.ts'
import type { SignetOptions } from './types.ts'

export type * from './types.ts'

/**
 * A plugin for Fastify 5: Signet below `prefix` of your app, and `app.signet` for your own routes. Register it on the
 * app itself. Throws an Error that lists every mistake in the settings.
 */
export const signet: FastifyPluginAsync<SignetOptions> = register
