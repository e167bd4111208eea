import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'
import { wantsHtml } from '../http/wants-html.ts'
import { html } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { textsOf } from '../texts/texts.ts'
import { PROBLEMS, type ProblemCode } from '../http/problem-catalogue.ts'
import { problems } from '../http/problem-details.ts'

const ExplanationSchema = Type.Object({
  code: Type.String(),
  status: Type.Integer(),
  title: Type.String(),
  advice: Type.String()
})

const CATALOGUE = Object.entries(PROBLEMS).map(([code, problem]) => ({ code, ...problem }))

/** The page that the `type` of a problem refers to, and the list of all of them. */
export const problemRoutes: FastifyPluginAsyncTypebox<{ issuerUrl: string }> = async (app, { issuerUrl }) => {
  app.get('/problems', {
    schema: {
      summary: 'All error codes',
      description: 'JSON, or a page for clients that accept text/html.',
      tags: ['Service'],
      response: {
        200: {
          description: 'The explanations.',
          content: {
            'application/json': { schema: Type.Object({ problems: Type.Array(ExplanationSchema) }) },
            'text/html': { schema: Type.String() }
          }
        }
      }
    }
  }, async (request, reply) => {
    if (!wantsHtml(request)) return { problems: CATALOGUE }
    const texts = (await textsOf(request)).problems
    const entries = CATALOGUE.map(({ code, status, title }) => html`
      <dt><a href="${issuerUrl}/problems/${code}"><code>${code}</code></a> ${status}</dt>
      <dd><span lang="en" dir="ltr">${title}</span></dd>`)
    return sendPage(reply, texts.title, html`<dl>${entries}</dl>`)
  })

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
    const texts = (await textsOf(request)).problems
    return sendPage(reply, code, html`
      <p lang="en" dir="ltr"><strong>${title}.</strong> ${advice}</p>
      <p>${texts.status}: ${status}</p>
      <p><a href="${issuerUrl}/problems">${texts.all}</a></p>`)
  })
}

function isProblemCode (code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code)
}
