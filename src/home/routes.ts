import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NullableText } from '../http/nullable.ts'
import { name, version } from '../package-root.ts'
import type { Providers } from '../providers/registry.ts'
import type { UserRepository } from '../users/repository.ts'

export interface HomeOptions { issuerUrl: string, providers: Providers, users: UserRepository }

const HomeSchema = Type.Object({
  name: Type.String(),
  version: Type.String(),
  issuer: Type.String(),
  documentation: Type.String(),
  providers: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), loginUrl: Type.String() })),
  user: Type.Optional(Type.Object({ id: Type.String(), name: NullableText() }))
})

export const homeRoutes: FastifyPluginAsyncTypebox<HomeOptions> = async (app, { issuerUrl, providers, users }) => {
  app.get('/', {
    schema: {
      summary: 'Home',
      description: 'Links to the documentation and to the logins. With a valid access token also the user.',
      tags: ['Service'],
      security: [{}, { bearer: [] }],
      response: { 200: HomeSchema }
    }
  }, async (request, reply) => {
    const bearer = await app.readBearer(request)
    const user = bearer && await users.bySession(bearer.sid, bearer.sub)
    if (user) reply.header('cache-control', 'no-store')
    return {
      name,
      version,
      issuer: issuerUrl,
      documentation: `${issuerUrl}/docs`,
      providers: [...providers.values()].map(({ id, name }) => ({ id, name, loginUrl: `${issuerUrl}/login/${id}` })),
      ...user ? { user: { id: user.id, name: user.name } } : {}
    }
  })
}
