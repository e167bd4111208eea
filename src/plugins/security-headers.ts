import fp from 'fastify-plugin'
import helmet from '@fastify/helmet'

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

/** A request id that came in is kept when it is plain, so that it can be followed through a proxy; else there is a new one. */
export function requestId (incoming: unknown): string {
  return typeof incoming === 'string' && REQUEST_ID.test(incoming) ? incoming : crypto.randomUUID()
}

/** The headers that every answer has (SEC-72), errors and unknown routes included. Pages loosen the policy for themselves. */
export const securityHeaders = fp<{ https: boolean }>(async (app, { https }) => {
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    crossOriginEmbedderPolicy: false,
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    // Access tokens are for other origins too; CORS decides who reads an answer.
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: https ? { maxAge: 2 * 365 * 24 * 60 * 60, includeSubDomains: true } : false,
    xFrameOptions: { action: 'deny' }
  })
  app.addHook('onRequest', async (request, reply) => { reply.header('x-request-id', request.id) })
}, { name: 'security-headers' })
