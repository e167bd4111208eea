import cors from '@fastify/cors'
import fp from 'fastify-plugin'
import type { AllowedOrigins } from '../http/allowed-origins.ts'
import { oncePerMinute } from '../logging/once-per-minute.ts'

declare module 'fastify' {
  /** Read by @fastify/cors. */
  interface FastifyContextConfig { cors?: false }
}

/** Pages, and the routes where a login starts and ends. */
const NAVIGATION = new RegExp('^/(?:' +
  '(?:login|docs|device|account|admin/pages|oauth2/authorize|oauth2/consent|oauth2/logout)(?:[/?]|$)|' +
  'admin(?:[?]|$))')

/** So many origins are logged each minute; the header of a request is anybody's to choose. */
const MAX_LOGGED_ORIGINS = 100
const MAX_LOGGED_LENGTH = 250
const NOT_ALLOWED = 'a page of an origin that is not allowed sent a request: to allow it, add the origin to ' +
  'ALLOWED_ORIGINS, or a redirect URI of it to a client'
const NO_ORIGIN = 'a page without an origin (a file, a sandboxed frame) sent a request: no setting allows it'

const EXPOSED_HEADERS = ['etag', 'ratelimit', 'ratelimit-policy', 'retry-after', 'www-authenticate', 'x-request-id']

interface CrossOriginOptions { issuerUrl: string, allowedOrigins: AllowedOrigins }

/** Documents that say the same to everybody. */
const PUBLIC = /^\/\.well-known\//

const PUBLIC_PREFLIGHT = {
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': '*',
  'access-control-max-age': '600'
}

/**
 * CORS: pages of an allowed origin may read responses, with credentials (SEC-69). Those of any origin may read the
 * documents below `/.well-known/`, without. Routes for navigation have no CORS headers at all.
 */
export const crossOrigin = fp<CrossOriginOptions>(async (app, { issuerUrl, allowedOrigins }) => {
  const ownOrigin = new URL(issuerUrl).origin
  const isDue = oncePerMinute(MAX_LOGGED_ORIGINS)

  app.addHook('onRoute', (route) => {
    if (NAVIGATION.test(route.url) || PUBLIC.test(route.url)) route.config = { ...route.config, cors: false }
  })
  // @fastify/cors answers preflight requests by one route for all URLs.
  app.addHook('onRequest', (request, reply, done) => {
    if (PUBLIC.test(request.url)) {
      reply.header('access-control-allow-origin', '*')
      if (request.method === 'OPTIONS') {
        reply.headers(PUBLIC_PREFLIGHT).code(204).send()
        return
      }
    }
    if (request.method === 'OPTIONS' && NAVIGATION.test(request.url)) reply.callNotFound()
    else done()
  })

  async function isAllowed (origin: string): Promise<boolean> {
    try {
      const isAllowed = await allowedOrigins.has(origin)
      if (!isAllowed && origin !== ownOrigin) logRefusal(origin.slice(0, MAX_LOGGED_LENGTH))
      return isAllowed
    } catch {
      return false // The database is unavailable, and the response will be a 503.
    }
  }

  /** The page sees no more than a failure; the operator finds the reason in the log. */
  function logRefusal (origin: string): void {
    if (isDue(origin)) app.log.warn({ origin, setting: 'ALLOWED_ORIGINS' }, origin === 'null' ? NO_ORIGIN : NOT_ALLOWED)
  }

  await app.register(cors, {
    origin (origin, decide) {
      if (origin === undefined) return decide(null, false)
      isAllowed(origin).then((allowed) => decide(null, allowed && [origin]))
    },
    credentials: true,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: EXPOSED_HEADERS.join(', '),
    maxAge: 600
  })
}, { name: 'cross-origin' })
