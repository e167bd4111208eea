import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { KeyService } from './service.ts'

/** Shorter than PUBLISH_AHEAD_SECONDS (key-plan.ts), so that no cached JWKS lacks the key that signs. */
const CACHE_SECONDS = 5 * 60

export const keyRoutes: FastifyPluginAsyncTypebox<{ keys: Pick<KeyService, 'publicKeys'> }> = async (app, { keys }) => {
  app.get('/.well-known/jwks.json', {
    schema: {
      summary: 'The public signing keys',
      description: 'RFC 7517 section 5: the next key, the current one, and retired keys as long as their tokens live.',
      tags: ['Service'],
      response: {
        200: Type.Object({
          keys: Type.Array(Type.Object({
            kid: Type.String(),
            kty: Type.String(),
            alg: Type.String(),
            use: Type.Literal('sig'),
            crv: Type.Optional(Type.String()),
            x: Type.Optional(Type.String()),
            y: Type.Optional(Type.String()),
            n: Type.Optional(Type.String()),
            e: Type.Optional(Type.String())
          }))
        })
      }
    }
  }, async (_request, reply) => {
    reply.header('cache-control', `public, max-age=${CACHE_SECONDS}`)
    return { keys: keys.publicKeys().map((key) => ({ ...key, kty: key.kty as string })) }
  })
}
