import fp from 'fastify-plugin'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { addressOf } from '../http/client-address.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import { logFailure } from '../http/log-failure.ts'
import { sendOAuthError } from '../http/oauth-error.ts'
import { sendProblem, toProblem } from '../http/problem-details.ts'
import { wantsHtml } from '../http/wants-html.ts'
import { sendErrorPage } from '../pages/error-page.ts'
import type { Texts } from '../texts/texts.ts'

export interface ProblemDetailsOptions { issuerUrl: string }

declare module 'fastify' {
  interface FastifyReply {
    /** Sends a problem. `extra` adds members. */
    problem: (problem: Problem, extra?: object) => FastifyReply
  }
}

/** Answers every error as RFC 9457 JSON. The message of an unexpected error is logged, and never sent. */
export const problemDetails = fp<ProblemDetailsOptions>(async (app, { issuerUrl }) => {
  app.decorateReply('problem', function (this: FastifyReply, problem: Problem, extra?: object) {
    return sendProblem(issuerUrl, this.request, this, problem, extra)
  })

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error)
    logFailure(request, problem, error)
    if (problem.code === 'internal_error') {
      const detail = `Internal server error. The log has the details of request ${request.id}.`
      return reply.problem(new Problem('internal_error', detail))
    }
    return reply.problem(problem, error.validation && { errors: error.validation.map((one) => toMember(error, one)) })
  })

  app.setNotFoundHandler(async (request, reply) => {
    const { method, url } = request
    const path = url.split('?')[0] as string
    if (wantsHtml(request)) return await sendNotFoundPage(request, reply, path)
    if (path.startsWith('/oauth2/')) return sendOAuthError(await unknownEndpoint(request, reply, path), request, reply)
    await app.limits.unknownRoutes.count(addressOf(request))
    return reply.problem(new Problem('not_found', `There is no route ${method} ${path}.`))
  })

  async function sendNotFoundPage (request: FastifyRequest, reply: FastifyReply, path: string): Promise<FastifyReply> {
    try {
      await app.limits.unknownRoutes.count(addressOf(request))
    } catch (error) {
      return await sendErrorPage(request, reply, toProblem(error))
    }
    const page = { nextSteps: ({ common }: Texts) => [{ href: `${issuerUrl}/login`, text: common.signIn }] }
    const problem = new Problem('not_found', `There is no route ${request.method} ${path}.`)
    return await sendErrorPage(request, reply, problem, page)
  }

  /** The OAuth error for a path or a method that no endpoint has (RFC 6749 section 3.2: clients must use POST). */
  async function unknownEndpoint (request: FastifyRequest, reply: FastifyReply, path: string): Promise<unknown> {
    try {
      await app.limits.unknownRoutes.count(addressOf(request))
    } catch (tooMany) {
      return tooMany
    }
    const methods = (['GET', 'POST'] as const).filter((method) => app.hasRoute({ method, url: path }))
    if (methods.length === 0) return new OAuthError('invalid_request', `There is no endpoint ${path}.`, 404)
    reply.header('allow', methods.join(', '))
    return new OAuthError('invalid_request', `${path} takes ${methods.join(' and ')} only.`, 405)
  }
}, { name: 'problem-details', dependencies: ['rate-limit'] })

type ValidationError = NonNullable<FastifyError['validation']>[number]

/** A member of `errors`. Names the property that a closed schema does not have. */
function toMember ({ validationContext }: FastifyError, error: ValidationError) {
  const { instancePath, message = 'is not valid', params: { additionalProperty: unknown } } = error
  return {
    path: `${validationContext ?? ''}${instancePath}`,
    message: unknown === undefined ? message : `${message}: ${String(unknown)}`
  }
}
