import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Problem } from '../http/errors.ts'
import { html, sendPage, wantsHtml } from '../http/pages.ts'

/** What goes wrong while somebody signs in for a device: a page that leads back to the code, or JSON for programs. */
export function showDeviceMistake (request: FastifyRequest, reply: FastifyReply, issuerUrl: string, problem: Problem): FastifyReply {
  if (!wantsHtml(request)) return reply.problem(problem)
  return sendPage(reply.code(problem.status).headers(problem.headers), 'That did not work',
    html`<p>${problem.message}</p><p><a href="${issuerUrl}/device">Type the code again</a></p>`)
}
