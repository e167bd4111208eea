import fp from 'fastify-plugin'

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/
const TWO_YEARS_SECONDS = 2 * 365 * 24 * 60 * 60

/**
 * Where an app's popup may be on its way through a sign-in or a sign-out, redirects and errors included. Any opener
 * policy there, `same-origin-allow-popups` too, would part it from the app that waits for it.
 */
const IN_POPUPS = /^\/(?:login|oauth2\/(?:authorize|consent|logout)|docs\/static\/oauth2-redirect\.html)(?![\w-])/

/** The page that signs people in by such a popup. */
const OPENS_POPUPS = /^\/docs\/?(?:\?|$)/

/** The id that a proxy gave the request, if it is well-formed; otherwise a new one. */
export function requestId (incoming: unknown): string {
  return typeof incoming === 'string' && REQUEST_ID.test(incoming) ? incoming : crypto.randomUUID()
}

/**
 * Sets the security headers of every response, errors and unknown routes included (SEC-72). Pages set their own CSP.
 */
export const securityHeaders = fp<{ https: boolean }>(async (app, { https }) => {
  // Constant, and so not by @fastify/helmet: it builds them for each request, which took a tenth of the time of GET
  // /me.
  const inPopups = {
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    // Pages of other origins use access tokens too. CORS decides which of them read a response.
    'cross-origin-resource-policy': 'cross-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...https ? { 'strict-transport-security': `max-age=${TWO_YEARS_SECONDS}; includeSubDomains` } : {}
  }
  const opensPopups = { ...inPopups, 'cross-origin-opener-policy': 'same-origin-allow-popups' }
  const others = { ...inPopups, 'cross-origin-opener-policy': 'same-origin' }
  const headersOf = (url: string) => IN_POPUPS.test(url) ? inPopups : OPENS_POPUPS.test(url) ? opensPopups : others
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(headersOf(request.url)).header('x-request-id', request.id)
    done()
  })
}, { name: 'security-headers' })
