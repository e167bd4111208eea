import type { FastifyInstance, FastifyRequest } from 'fastify'
import { accessToken } from '../../../src/plugins/access-token.ts'
import { dpop } from '../../../src/plugins/dpop.ts'
import type { AccessTokenClaims } from '../../../src/tokens/access-tokens.ts'

type Plugin = (app: FastifyInstance, options: object, done: (error?: Error) => void) => Promise<void> | undefined

/**
 * The claims of the access token of a host's request. Throws a Problem with 401 for a request without a valid one.
 *
 * Signet's own plugins verify it. They run on a collector, which keeps what they decorate, so that the host gets none
 * of it. A plain function could not use @fastify/jwt: only its method of a request finds the key that a token names and
 * keeps it parsed. A DPoP proof names the URL of the host's route.
 */
export async function createTokenCheck (
  { database, forHost: { accessTokens } }: FastifyInstance, issuerUrl: string
): Promise<(request: FastifyRequest) => Promise<AccessTokenClaims>> {
  const members: Record<string, unknown> = {}
  const collector = {
    database,
    decorate (name: string, value: unknown) { Object.assign(this, { [name]: value }) },
    decorateRequest: (name: string, value: unknown) => Object.assign(members, { [name]: value }),
    decorateReply: () => {},
    register (plugin: Plugin, options: object) {
      return new Promise<void>((resolve, reject) => {
        const done = (error?: Error) => error ? reject(error) : resolve()
        plugin(this as unknown as FastifyInstance, options, done)?.then(resolve, reject)
      })
    }
  }
  const app = collector as unknown as FastifyInstance
  await collector.register(dpop as Plugin, { issuerUrl: new URL(issuerUrl).origin })
  await collector.register(accessToken as Plugin, accessTokens)

  return async ({ headers, method, url }) => {
    const request = Object.assign(Object.create(members), { headers, method, url }) as FastifyRequest
    await app.requireBearer(request)
    return request.bearer
  }
}
