import fp from 'fastify-plugin'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { Type } from 'typebox'
import { name, version } from '../package-root.ts'

/** OpenAPI 3.1 of every route, made from the schemas that the routes are checked with, and a page to read and try it. */
export const openapi = fp<{ issuerUrl: string }>(async (app, { issuerUrl }) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: name, version, description: 'Social login in, your own JWT out.', license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: issuerUrl }],
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, client: { type: 'http', scheme: 'basic' } } }
    }
  })

  app.get('/openapi.json', {
    schema: { summary: 'This description', tags: ['Service'], response: { 200: Type.Unknown({ description: 'OpenAPI 3.1.' }) } }
  }, async () => app.swagger())

  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Signet' },
    staticCSP: true,
    transformStaticCSP: () => "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    uiConfig: { url: `${issuerUrl}/openapi.json`, deepLinking: false, displayRequestDuration: true, persistAuthorization: false }
  })
}, { name: 'openapi' })
