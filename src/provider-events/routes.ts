import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { addressOf } from '../http/client-address.ts'
import { errorPageHandler } from '../pages/error-page.ts'
import { Problem } from '../http/errors.ts'
import { wantsHtml } from '../http/wants-html.ts'
import { html } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { textsOf } from '../texts/texts.ts'
import { problems, toProblem } from '../http/problem-details.ts'
import type { ProviderEventRepository } from './repository.ts'
import type { EventReceiver } from './receiver.ts'

export interface ProviderEventRoutesOptions {
  issuerUrl: string
  receivers: EventReceiver[]
  events: ProviderEventRepository
}

const TAGS = ['Events of providers']

const RESPONSES = {
  ok: { 200: Type.Object({ status: Type.Literal('ok') }) },
  accepted: { 202: { description: 'Accepted, without content.', type: 'null' } },
  deletion: { 200: Type.Object({ url: Type.String(), confirmation_code: Type.String() }) }
}

const PROBLEMS = problems(
  'invalid_event', 'payload_too_large', 'unsupported_media_type', 'rate_limited', 'provider_error',
  'service_unavailable', 'provider_timeout'
)

/** What providers report about accounts. Each report is verified, and takes effect once, on whichever instance. */
export const providerEventRoutes: FastifyPluginAsyncTypebox<ProviderEventRoutesOptions> = async (app, options) => {
  for (const receiver of options.receivers) {
    // A scope for each: the bodies are read as bytes, which is what was signed.
    await app.register(async (scope) => receive(scope, receiver, options))
  }
  if (options.receivers.some(({ answer }) => answer === 'deletion')) await app.register(deletionPage, options)
}

function receive (app: FastifyInstance, receiver: EventReceiver, { issuerUrl, events }: ProviderEventRoutesOptions) {
  const { path, summary, description, contentTypes, maxBytes, answer } = receiver
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(contentTypes, { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  if (answer === 'accepted') {
    // RFC 8935 section 2.3 has members of its own.
    app.setErrorHandler((error, _request, reply) => {
      const problem = toProblem(error)
      if (problem.status !== 400) throw error
      return reply.problem(problem, { err: 'invalid_request', description: problem.message })
    })
  }

  app.post(path, {
    bodyLimit: maxBytes,
    validatorCompiler: () => () => true,
    schema: {
      summary,
      description,
      tags: TAGS,
      body: { content: Object.fromEntries(contentTypes.map((type) => [type, { schema: receiver.body }])) },
      response: { ...RESPONSES[answer], ...PROBLEMS }
    }
  }, async (request, reply) => {
    const address = addressOf(request)
    await app.limits.failedEvents.check(address)
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const message = await receiver.read(body, request.headers).catch(async (error: unknown) => {
      if (error instanceof Problem && error.code === 'invalid_event') await app.limits.failedEvents.add(address)
      throw error
    })
    if (message) await events.apply(message, callerOf(request))
    reply.header('cache-control', 'no-store')
    if (answer === 'accepted') return reply.code(202).send()
    const code = message?.confirmationCode
    if (answer === 'ok' || code === undefined) return { status: 'ok' }
    return { url: `${issuerUrl}${path}/${code}`, confirmation_code: code }
  })
}

const deletionPage: FastifyPluginAsyncTypebox<ProviderEventRoutesOptions> = async (app, { events }) => {
  app.setErrorHandler(errorPageHandler({
    words: ({ deletion }, { status }) =>
      status < 500 ? { title: deletion.unknown, text: deletion.unknownText } : undefined
  }))

  app.get('/login/facebook/deletion/:code', {
    schema: {
      summary: 'How far a deletion is',
      description: 'For the person who asked Facebook for it: JSON, or a page for a browser.',
      tags: TAGS,
      params: Type.Object({ code: Type.String({ pattern: '^[0-9a-f]{32}$' }) }),
      response: {
        200: {
          description: 'What was done.',
          content: {
            'application/json': {
              schema: Type.Object({
                status: Type.Enum(['deleted', 'signed_out', 'nothing_stored']),
                requestedAt: Type.String({ format: 'date-time' })
              })
            },
            'text/html': { schema: Type.String() }
          }
        },
        ...problems('validation_failed', 'not_found')
      }
    }
  }, async (request, reply) => {
    const deletion = await events.findDeletion('facebook', request.params.code)
    reply.header('cache-control', 'no-store').header('vary', 'Accept')
    if (!deletion) throw new Problem('not_found', 'There is no deletion with this code, or it is over a year old.')
    const { outcome, requestedAt } = deletion
    if (!wantsHtml(request)) return { status: outcome, requestedAt: requestedAt.toISOString() }
    const { deletion: texts } = await textsOf(request)
    return sendPage(reply, texts.title, html`
      <p>${texts[outcome]}</p>
      <p>${texts.requested('Facebook', requestedAt.toISOString().slice(0, 10))}</p>`)
  })
}
