import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, RouteShorthandOptions } from 'fastify'

/** The host's ids of the requests that it passes on. */
const requestIds = new WeakMap<IncomingMessage, string>()

/** Documents that stand before the path of the issuer (RFC 8414 section 3.1, RFC 9728 section 3.1). */
const WELL_KNOWN = ['oauth-authorization-server', 'openid-configuration', 'oauth-protected-resource']

/**
 * Passes the host's requests below `prefix` on to `app`, before the host reads their bodies. The app answers with its
 * own parsers, hooks, schemas and errors. Of the host's hooks only `onRequest`, `onResponse` and `onRequestAbort` run.
 */
export function mount (host: FastifyInstance, app: FastifyInstance, prefix: string): void {
  const options: RouteShorthandOptions = {
    // Not in the host's OpenAPI document, without its CORS headers, and not in its log, where `info` is each request
    // with its query string: codes and states.
    schema: { hide: true } as object,
    config: { cors: false },
    logLevel: 'warn',
    onRequest (request, reply, _done) {
      const { raw, id } = request
      const { url } = raw
      requestIds.set(raw, String(id))
      // The app takes the prefix off. The host's `onResponse` hooks see the URL that was asked for.
      for (const event of ['finish', 'close']) reply.raw.prependOnceListener(event, () => { raw.url = url })
      // Those of Express middleware and helmet, which would open Signet to other origins or break a sign-in by popup.
      for (const name of reply.raw.getHeaderNames()) {
        if (name !== 'connection') reply.raw.removeHeader(name)
      }
      reply.hijack()
      app.routing(raw, reply.raw)
    }
  }
  const urls = [prefix, `${prefix}/*`, ...WELL_KNOWN.map((name) => `/.well-known/${name}${prefix}`)]
  for (const url of urls) host.all(url, options, unreachable)
}

mount.requestId = (request: IncomingMessage) => requestIds.get(request)

async function unreachable (): Promise<never> {
  throw new Error('The request was passed on before.')
}
