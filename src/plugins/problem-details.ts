import fp from 'fastify-plugin'
import type { FastifyError, FastifyReply } from 'fastify'
import { addressOf } from '../http/client-address.ts'
import { Problem } from '../http/errors.ts'
import { sendProblem, toProblem } from '../http/problem-details.ts'

export interface ProblemDetailsOptions { issuerUrl: string }

/** Every error leaves here as RFC 9457 JSON. A 5xx never carries its message: that is for the log. */
export const problemDetails = fp<ProblemDetailsOptions>(async (app, { issuerUrl }) => {
  app.decorateReply('problem', function (this: FastifyReply, problem: Problem, extra?: object) {
    return sendProblem(issuerUrl, this.request, this, problem, extra)
  })

  app.setErrorHandler((error: FastifyError, request, reply) => {
    const problem = toProblem(error)
    if (problem.status >= 500) request.log.error({ err: error }, problem.code)
    const detail = problem.code === 'internal_error' ? new Problem('internal_error', `Something went wrong. The log knows more under ${request.id}.`) : problem
    const errors = error.validation?.map(({ instancePath, message = 'is not valid', params }) => ({
      path: `${error.validationContext ?? ''}${instancePath}`,
      message: 'additionalProperty' in params ? `${message}: ${String(params['additionalProperty'])}` : message
    }))
    return sendProblem(issuerUrl, request, reply, detail, errors ? { errors } : {})
  })

  app.setNotFoundHandler(async (request, reply) => {
    await app.limits.unknownRoutes.count(addressOf(request))
    return reply.problem(new Problem('not_found', `There is no ${request.method} ${request.url.split('?')[0]} here.`))
  })
}, { name: 'problem-details', dependencies: ['rate-limit'] })

declare module 'fastify' {
  interface FastifyReply {
    /** Answers with a problem. `extra` adds members of its own. */
    problem: (problem: Problem, extra?: object) => FastifyReply
  }
}
