import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { Type } from 'typebox'
import { pathOf } from '../http/issuer-path.ts'
import { name, version } from '../package-root.ts'
import { SWAGGER_UI_SIGN_IN, signInScheme, withSignIn } from './docs-sign-in.ts'
import { DOCS_THEME } from './docs-theme.ts'
import { nameSchemas } from './named-schemas.ts'

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

/**
 * OpenAPI 3.1 of every route, from the schemas that validate it, at /openapi.json, and Swagger UI at /docs. A second
 * app describes the routes, and is built on the first request: the start does not wait for @fastify/swagger.
 */
export const openapi = fp<{ issuerUrl: string }>(async (app, { issuerUrl }) => {
  const routes: RouteOptions[] = []
  app.addHook('onRoute', (route) => { routes.push(route) })
  let documentation: Promise<FastifyInstance> | undefined
  const getDocumentation = async () => await (documentation ??= createDocumentation(issuerUrl, app.brand.name, routes))

  app.get('/openapi.json', {
    schema: {
      summary: 'This description',
      tags: ['Service'],
      response: { 200: Type.Unknown({ description: 'OpenAPI 3.1.' }) }
    }
  }, async () => nameSchemas((await getDocumentation()).swagger()))

  for (const url of ['/docs', '/docs/*']) {
    app.get(url, { schema: { hide: true } }, async ({ url }, reply) => {
      const { statusCode, headers, rawPayload } = await (await getDocumentation()).inject({ url })
      if (statusCode === 404) return reply.callNotFound()
      delete headers.connection
      return reply.code(statusCode).headers(headers).send(rawPayload.length > 0 ? rawPayload : undefined)
    })
  }
  app.addHook('onClose', async () => { await (await documentation)?.close() })
}, { name: 'openapi', dependencies: ['brand'] })

async function createDocumentation (
  issuerUrl: string, brandName: string, routes: RouteOptions[]
): Promise<FastifyInstance> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'), import('@fastify/swagger-ui')
  ])
  const app = Fastify({ exposeHeadRoutes: false })
  // It describes the routes and never calls them: nothing is compiled.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => JSON.stringify)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: name,
        version,
        description: 'Social login in, your own JWT out. To try routes, sign in under "Authorize", or paste an ' +
          `access token there. What an error code means: [/problems](${issuerUrl}/problems).`,
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: issuerUrl }],
      components: {
        securitySchemes: {
          oauth2: signInScheme(issuerUrl),
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          client: { type: 'http', scheme: 'basic' }
        }
      }
    }
  })
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: pathOf(issuerUrl),
    theme: { title: `${brandName} · API`, css: [{ filename: 'signet.css', content: DOCS_THEME }] },
    transformSpecification: nameSchemas,
    transformSpecificationClone: false,
    staticCSP: true,
    transformStaticCSP: () => CONTENT_SECURITY_POLICY,
    uiConfig: {
      deepLinking: false,
      displayRequestDuration: true,
      persistAuthorization: false
    },
    initOAuth: SWAGGER_UI_SIGN_IN
  })
  for (const { method, url, schema = {} } of routes) {
    if (method === 'HEAD' || schema.hide) continue
    app.route({ method, url, schema: withSignIn(schema), handler: async () => {} })
  }
  await app.ready()
  return app
}
