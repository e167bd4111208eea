import formbody from '@fastify/formbody'
import type { FastifyPluginAsync } from 'fastify'
import { Problem } from '../errors.ts'
import { toOAuthError } from '../plugins/problem-details.ts'
import { revokeRoutes } from './revoke.ts'
import { tokenRoutes, type TokenOptions } from './token.ts'

/** Everything under /oauth2/ answers errors as RFC 6749 section 5.2 has them, and is never cached. */
export const oauth2Routes: FastifyPluginAsync<TokenOptions> = async (app, options) => {
  await app.register(formbody, { bodyLimit: 64 * 1024 })

  app.addHook('onRequest', async (_request, reply) => { reply.header('cache-control', 'no-store').header('pragma', 'no-cache') })

  app.setErrorHandler((error, request, reply) => {
    const failure = toOAuthError(error)
    if (failure.status >= 500) request.log.error({ err: error }, failure.error)
    if (error instanceof Problem) reply.headers(error.headers)
    return reply.code(failure.status).type('application/json; charset=utf-8').serializer(JSON.stringify)
      .send({ error: failure.error, error_description: failure.message })
  })

  await app.register(tokenRoutes, options)
  await app.register(revokeRoutes, { sessions: options.sessions })
}
