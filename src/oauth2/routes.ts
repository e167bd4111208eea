import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import { addressOf } from '../http/client-address.ts'
import { OAuthError, toErrorDescription } from '../http/errors.ts'
import { logFailure } from '../http/log-failure.ts'
import { toOAuthError, toProblem } from '../http/problem-details.ts'
import { deviceAuthorizationRoutes, type DeviceAuthorizationOptions } from '../device/authorization.ts'
import { introspectRoutes, type IntrospectOptions } from './introspect.ts'
import { revokeRoutes, type RevokeOptions } from './revoke.ts'
import { tokenRoutes, type TokenOptions } from './token.ts'
import { userinfoRoutes, type UserinfoOptions } from './userinfo.ts'

export type OAuth2Options = TokenOptions &
  DeviceAuthorizationOptions &
  RevokeOptions &
  IntrospectOptions &
  UserinfoOptions

/** The endpoints that clients call. Errors follow RFC 6749 section 5.2, and no response is cached (section 5.1). */
export const oauth2Routes: FastifyPluginAsync<OAuth2Options> = async (app, options) => {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache')
    done()
  })

  // RFC 6749 section 3.2: a parameter without a value counts as absent.
  app.addHook('preValidation', ({ body }, _reply, done) => {
    for (const [name, value] of Object.entries(body ?? {})) {
      if (value === '') Reflect.deleteProperty(body as object, name)
    }
    done()
  })

  app.setErrorHandler(sendOAuthError)
  await app.register(userinfoRoutes, options)

  // Where clients authenticate. The limit is checked before any work, and each failure counts: secrets cannot be
  // guessed.
  await app.register(async (limited) => {
    const { failedTokenCalls } = limited.limits
    limited.addHook('onRequest', async (request) => {
      await failedTokenCalls.check(addressOf(request))
    })
    limited.setErrorHandler(async (error, request, reply) => {
      const limit = isFailedCall(error) ? failedTokenCalls.count(addressOf(request)) : undefined
      return sendOAuthError((await limit?.catch((tooMany: unknown) => tooMany)) ?? error, request, reply)
    })
    await limited.register(tokenRoutes, options)
    await limited.register(deviceAuthorizationRoutes, options)
    await limited.register(revokeRoutes, options)
    await limited.register(introspectRoutes, options)
  })
}

/** A device that polls at the right interval has not failed. */
function isFailedCall (error: unknown): boolean {
  return error instanceof OAuthError && error.error !== 'authorization_pending'
}

function sendOAuthError (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = toOAuthError(error)
  logFailure(request, { code: failure.error, status: failure.status }, error)
  if (!(error instanceof OAuthError)) reply.headers(toProblem(error).headers)
  else if (failure.error === 'invalid_client' && request.headers.authorization !== undefined) {
    reply.header('www-authenticate', 'Basic realm="signet"')
  }
  return reply
    .code(failure.status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ error: failure.error, error_description: toErrorDescription(failure.message) })
}
