import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'
import { html, sendPage, wantsHtml } from '../http/pages.ts'
import { PROBLEMS, type ProblemCode } from '../http/problem-catalogue.ts'
import { problems } from '../http/problem-details.ts'

const ExplanationSchema = Type.Object({
  code: Type.String(),
  status: Type.Integer(),
  title: Type.String(),
  advice: Type.String()
})

/** The page that the `type` of a problem refers to. */
export const problemRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/problems/:code', {
    schema: {
      summary: 'The meaning of an error code',
      description: 'JSON, or a page for clients that accept text/html.',
      tags: ['Service'],
      params: Type.Object({ code: Type.String({ maxLength: 64 }) }),
      response: {
        200: {
          description: 'The explanation.',
          content: {
            'application/json': { schema: ExplanationSchema },
            'text/html': { schema: Type.String() }
          }
        },
        ...problems('not_found')
      }
    }
  }, async (request, reply) => {
    const { code } = request.params
    if (!isProblemCode(code)) throw new Problem('not_found', `There is no error code "${code}".`)
    const { status, title, advice } = PROBLEMS[code]
    if (!wantsHtml(request)) return { code, status, title, advice }
    sendPage(reply, title, html`<p>${advice}</p><p class="quiet">Code <code>${code}</code>, HTTP status ${status}.</p>`)
    return await reply
  })
}

function isProblemCode (code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code)
}
