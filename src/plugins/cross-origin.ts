import cors from '@fastify/cors'
import fp from 'fastify-plugin'
import type { AllowedOrigins } from '../http/allowed-origins.ts'

declare module 'fastify' {
  /** What @fastify/cors looks at in a route's own configuration. */
  interface FastifyContextConfig { cors?: false }
}

/** Where a login starts or ends, and pages: for navigation only. */
const FOR_NAVIGATION = /^\/(login|docs|device|oauth2\/authorize|oauth2\/logout)(\/|\?|$)/

/**
 * CORS: an origin that is allowed may read answers, with credentials, and no other (SEC-69). No page of another origin reads
 * the routes for navigation, whoever it is.
 */
export const crossOrigin = fp<{ allowedOrigins: AllowedOrigins }>(async (app, { allowedOrigins }) => {
  app.addHook('onRoute', (route) => {
    if (FOR_NAVIGATION.test(route.url)) route.config = { ...route.config, cors: false }
  })
  // A preflight has one route for all URLs.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.method === 'OPTIONS' && FOR_NAVIGATION.test(request.url)) reply.callNotFound()
    else done()
  })
  await app.register(cors, {
    origin (origin, decide) {
      if (origin === undefined) return decide(null, false)
      // With the database away nobody can say; the answer will be a 503 anyway.
      Promise.resolve(origin).then((known) => allowedOrigins.has(known)).then((isAllowed) => decide(null, isAllowed && [origin]), () => decide(null, false))
    },
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: ['etag', 'ratelimit', 'ratelimit-policy', 'retry-after', 'www-authenticate', 'x-request-id'].join(', '),
    maxAge: 600
  })
}, { name: 'cross-origin' })
