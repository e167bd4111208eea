import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { PROBLEMS, Problem, type ProblemCode } from '../http/errors.ts'
import { html, sendPage, wantsHtml } from '../http/pages.ts'
import { problems } from '../http/problem-details.ts'

/** What the `type` of a problem leads to: an explanation for a person. */
export const problemRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/problems/:code', {
    schema: {
      summary: 'What an error code means',
      description: 'JSON, or a page when the client asks for text/html.',
      tags: ['Service'],
      params: Type.Object({ code: Type.String({ maxLength: 64 }) }),
      response: {
        200: {
          description: 'The explanation.',
          content: {
            'application/json': { schema: Type.Object({ code: Type.String(), status: Type.Integer(), title: Type.String(), advice: Type.String() }) },
            'text/html': { schema: Type.String() }
          }
        },
        ...problems('not_found')
      }
    }
  }, async (request, reply) => {
    const { code } = request.params
    if (!Object.hasOwn(PROBLEMS, code)) throw new Problem('not_found', 'There is no such error code.')
    const { status, title, advice } = PROBLEMS[code as ProblemCode]
    if (!wantsHtml(request)) return { code, status, title, advice }
    return sendPage(reply, title, html`<p>${advice}</p><p class="quiet">Code <code>${code}</code>, HTTP status ${status}.</p>`) as never
  })
}
