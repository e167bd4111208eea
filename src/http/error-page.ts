import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Problem } from './errors.ts'
import { logFailure } from './log-failure.ts'
import { html, sendPage, wantsHtml, type Markup } from './pages.ts'
import { toProblem } from './problem-details.ts'

export interface ErrorPage {
  title: string
  /** Follows the error message, such as a link to try again. */
  content?: Markup
  /** Members that the JSON response has beside those of the problem. */
  extraMembers?: (problem: Problem) => object
}

/** The error handler of routes that browsers visit: logs the error and sends the page. */
export function errorPageHandler (page: ErrorPage) {
  return function handleError (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const problem = toProblem(error)
    logFailure(request, problem, error)
    return sendErrorPage(request, reply, problem, page)
  }
}

/** Sends a page to a browser, and problem details (RFC 9457) to every other client. */
export function sendErrorPage (
  request: FastifyRequest, reply: FastifyReply, problem: Problem, { title, content, extraMembers }: ErrorPage
): FastifyReply {
  if (!wantsHtml(request)) return reply.problem(problem, extraMembers?.(problem))
  logFailure(request, problem)
  reply.code(problem.status).headers(problem.headers).header('cache-control', 'no-store')
  const requestId = html`<p class="quiet">Request ${request.id}</p>`
  return sendPage(reply, title, html`<p>${problem.message}</p>${content ?? []}${requestId}`)
}
