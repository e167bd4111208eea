import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Problem } from '../http/errors.ts'
import { logFailure } from '../http/log-failure.ts'
import { toProblem } from '../http/problem-details.ts'
import { wantsHtml } from '../http/wants-html.ts'
import type { ErrorText } from '../texts/en.ts'
import { textsOf, type Texts } from '../texts/texts.ts'
import { linkList, type Link } from './links.ts'
import { html } from './markup.ts'
import { sendPage } from './page.ts'

export interface ErrorPage {
  /** What the page says in place of the text that belongs to the error code. */
  words?: (texts: Texts, problem: Problem) => { title: string, text: string } | undefined
  /** What the person can do next. The way back to the app that sent them comes first. */
  nextSteps?: (texts: Texts, problem: Problem, request: FastifyRequest) => Link[]
  /** The name of where the person signed in, for the text of the error. */
  provider?: (request: FastifyRequest) => string | undefined
  /** Members that the JSON response has beside those of the problem. */
  extraMembers?: (problem: Problem) => object
}

/** The error handler of routes that browsers visit: logs the error and sends the page. */
export function errorPageHandler (page: ErrorPage) {
  return async function handleError (
    error: unknown, request: FastifyRequest, reply: FastifyReply
  ): Promise<FastifyReply> {
    const problem = toProblem(error)
    logFailure(request, problem, error)
    return await sendErrorPage(request, reply, problem, page)
  }
}

/** The same for a browser alone: what every other client gets is left to the error handler outside. */
export function errorPageForBrowsers (page: ErrorPage) {
  const handleError = errorPageHandler(page)
  return async function handleErrorOfBrowser (
    error: unknown, request: FastifyRequest, reply: FastifyReply
  ): Promise<FastifyReply> {
    if (!wantsHtml(request)) throw error
    return await handleError(error, request, reply)
  }
}

/**
 * Sends a page to a browser, and problem details (RFC 9457) to every other client. The page says to a person what
 * happened and what to do next. What a developer needs stands behind a disclosure, in English.
 */
export async function sendErrorPage (
  request: FastifyRequest, reply: FastifyReply, problem: Problem, page: ErrorPage = {}
): Promise<FastifyReply> {
  if (!wantsHtml(request)) return reply.problem(problem, page.extraMembers?.(problem))
  logFailure(request, problem)
  const texts = await textsOf(request)
  const { common } = texts
  const backTo = problem.backTo ? [{ href: problem.backTo.url, text: common.backTo(problem.backTo.name) }] : []
  const { title, text } = page.words?.(texts, problem) ?? wordsOf(texts, problem, page.provider?.(request))
  reply.code(problem.status).headers(problem.headers).header('cache-control', 'no-store')
  return sendPage(reply, title, html`
    <p role="alert">${text}</p>
    ${linkList([...backTo, ...page.nextSteps?.(texts, problem, request) ?? []])}
    <details><summary>${common.forDeveloper}</summary>
      <p lang="en" dir="ltr">${problem.message}</p>
      <p>${common.errorCode}: <code>${problem.code}</code><br>${common.requestId}: <code>${request.id}</code></p>
    </details>`)
}

function wordsOf (texts: Texts, { code, status }: Problem, provider?: string): { title: string, text: string } {
  const errors: Record<string, ErrorText> = texts.errors
  const { title, text } = errors[code] ?? (status >= 500 ? texts.errors.internal_error : texts.errors.other)
  return { title, text: text(provider) }
}
