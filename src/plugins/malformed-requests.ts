import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Problem } from '../http/errors.ts'

/** The response to the last request of each connection. */
const lastResponses = new WeakMap<Socket, ServerResponse>()

/**
 * Answers with problem details what Node would answer with an empty body: a missing Host header (RFC 9112 section 3.2)
 * and an unknown `Expect` (RFC 9110 section 10.1.1 allows to ignore it). Belongs to `answerUnreadableRequest`.
 */
export const handleMalformedRequests = fp(async (app) => {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const isMissing = raw.headers.host === undefined && raw.httpVersion === '1.1'
    done(isMissing ? new Problem('validation_failed', 'The Host header is missing.') : undefined)
  })
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.server.on('request', (request, response) => { lastResponses.set(request.socket, response) })
}, { name: 'malformed-requests' })

/**
 * Fastify's `clientErrorHandler`: logs and answers what Node's parser rejects, unless the route has already answered
 * the head.
 */
export function answerUnreadableRequest (
  this: Pick<FastifyInstance, 'log'>, error: NodeJS.ErrnoException, socket: Socket
): void {
  const last = lastResponses.get(socket)
  if (last?.headersSent && !last.req.complete) return socket.destroySoon()
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const [status, title, code] = error.code === 'HPE_HEADER_OVERFLOW'
    ? [431, 'Request Header Fields Too Large', 'request_header_fields_too_large']
    : [400, 'Bad Request', 'validation_failed']
  const detail = 'The request could not be read.'
  const requestId = crypto.randomUUID()
  this.log.info({ reqId: requestId, code, status }, 'request failed')
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, code, requestId })
  socket.end([
    `HTTP/1.1 ${status} ${title}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body
  ].join('\r\n'))
}
