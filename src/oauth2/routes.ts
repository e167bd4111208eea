import type { FastifyPluginAsync } from 'fastify'
import { OAuthError, toErrorDescription } from '../http/errors.ts'
import { toOAuthError, toProblem } from '../http/problem-details.ts'
import type { UserRepository } from '../users/repository.ts'
import { deviceAuthorizationRoutes, type DeviceAuthorizationOptions } from '../device/authorization.ts'
import { revokeRoutes, type TokenStateOptions } from './revoke.ts'
import { tokenRoutes, type TokenOptions } from './token.ts'
import { userinfoRoutes } from './userinfo.ts'

export type OAuth2Options = TokenOptions & DeviceAuthorizationOptions & TokenStateOptions & { users: UserRepository }

/** The endpoints that programs call. They answer errors as RFC 6749 section 5.2 has them, and are never cached. */
export const oauth2Routes: FastifyPluginAsync<OAuth2Options> = async (app, options) => {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
    done()
  })

  // RFC 6749 section 3.2: what has no value counts as absent.
  app.addHook('preValidation', ({ body }, _reply, done) => {
    if (typeof body === 'object' && body !== null) for (const [name, value] of Object.entries(body)) if (value === '') Reflect.deleteProperty(body, name)
    done()
  })

  app.setErrorHandler((error, request, reply) => {
    const failure = toOAuthError(error)
    if (failure.status >= 500) request.log.error({ err: error }, failure.error)
    if (!(error instanceof OAuthError)) reply.headers(toProblem(error).headers)
    else if (failure.error === 'invalid_client' && request.headers.authorization !== undefined) reply.header('www-authenticate', 'Basic realm="signet"')
    return reply.code(failure.status).type('application/json; charset=utf-8').serializer(JSON.stringify)
      .send({ error: failure.error, error_description: toErrorDescription(failure.message) })
  })

  await app.register(tokenRoutes, options)
  await app.register(deviceAuthorizationRoutes, options)
  await app.register(revokeRoutes, options)
  await app.register(userinfoRoutes, options)
}
