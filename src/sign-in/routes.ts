import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { AllowedOrigins } from '../http/allowed-origins.ts'
import { addressOf } from '../http/client-address.ts'
import { Problem } from '../http/errors.ts'
import { toIssuersName } from '../http/loopback-name.ts'
import type { Parameters } from '../http/parameters.ts'
import { problems } from '../http/problem-details.ts'
import { wantsHtml } from '../http/wants-html.ts'
import { brandFooter } from '../pages/brand.ts'
import { errorPageForBrowsers } from '../pages/error-page.ts'
import { html } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { describeLoginParameters, LOGIN_PARAMETERS, readLoginParameters } from '../providers/login-parameters.ts'
import { textsOf } from '../texts/texts.ts'
import { callbackRoutes, type CallbackOptions } from './callback-routes.ts'
import { cancelCookie } from './cancel.ts'
import { answerFailedLogin } from './failed-login.ts'
import { lastProvider } from './last-provider.ts'
import type { LoginCompletion } from './login-attempt.ts'
import { providerButtons } from './provider-buttons.ts'
import { allowedReturnTo, ownReturnTo } from './return-to.ts'
import { signInErrorPage } from './sign-in-error-page.ts'
import { sendToProvider } from './start.ts'

export interface SignInOptions extends CallbackOptions {
  allowedOrigins: AllowedOrigins
}

const TAGS = ['Sign-in']
const LINK_PARAMETERS = ['return_to', ...LOGIN_PARAMETERS]
const Parameter = (description: string) => Type.Optional(Type.Unknown({ description }))
const LoginRequestSchema = Type.Object({
  return_to: Parameter('A URL whose origin is allowed.'),
  ...describeLoginParameters(Parameter)
})
const START_PROBLEMS = problems(
  'invalid_request',
  'invalid_return_to',
  'unknown_provider',
  'rate_limited',
  'provider_error',
  'provider_timeout'
)
const HOW_TO_ENABLE = html`<p lang="en" dir="ltr">No provider is enabled yet. Put the client id and secret of one into
  the settings, for instance <code>GITHUB_CLIENT_ID</code> and <code>GITHUB_CLIENT_SECRET</code>.</p>`

export const signInRoutes: FastifyPluginAsyncTypebox<SignInOptions> = async (app, options) => {
  const { issuerUrl, providers, cookies, allowedOrigins } = options

  const errorPage = signInErrorPage(issuerUrl, providers)
  app.setErrorHandler(errorPageForBrowsers(errorPage))

  /** The providers with their links, which hand on what the list was asked with. */
  function list (parameters: Parameters) {
    const handedOn = LINK_PARAMETERS.flatMap((name) => {
      const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined
      return typeof value === 'string' ? [[name, value] as [string, string]] : []
    })
    const query = handedOn.length > 0 ? `?${new URLSearchParams(handedOn)}` : ''
    return [...providers.values()].map(({ id, name }) => ({ id, name, loginUrl: `${issuerUrl}/login/${id}${query}` }))
  }

  app.get(
    '/login',
    {
      schema: {
        summary: 'The enabled providers',
        description:
          'JSON, or a page to choose from when the client asks for text/html. The links hand on the parameters.',
        tags: TAGS,
        querystring: LoginRequestSchema,
        response: {
          200: {
            description: 'The providers.',
            content: {
              'application/json': {
                schema: Type.Object({
                  providers: Type.Array(
                    Type.Object({ id: Type.String(), name: Type.String(), loginUrl: Type.String() })
                  )
                })
              },
              'text/html': { schema: Type.String() }
            }
          }
        }
      }
    },
    async (request, reply) => {
      reply.header('vary', 'Accept')
      if (!wantsHtml(request)) return { providers: list(request.query) }
      return await sendSignInPage(request, reply, request.query)
    }
  )

  async function sendSignInPage (
    request: FastifyRequest, reply: FastifyReply, parameters: Parameters
  ): Promise<FastifyReply> {
    const completion = await chooseCompletion(parameters['return_to'])
    const texts = await textsOf(request)
    const { signIn: { title, titleFor, none }, common } = texts
    reply.header('cache-control', 'no-store')
    if (providers.size === 0) {
      return sendPage(reply, title, html`<p>${none}</p>
        <details><summary>${common.forDeveloper}</summary>${HOW_TO_ENABLE}</details>`)
    }
    const links = list(parameters).map(({ id, name, loginUrl }) => ({ id, name, href: loginUrl }))
    const buttons = providerButtons(texts, links, lastProvider(request, cookies, providers))
    const cancel = completion.mode === 'cookie' ? cancelCookie(common.cancel, completion.returnTo) : []
    return sendPage(reply, titleFor(app.brand.name), html`${buttons}${cancel}${brandFooter(app.brand, common)}`)
  }

  app.get(
    '/login/:provider',
    {
      exposeHeadRoute: false,
      onRequest: toIssuersName(issuerUrl),
      schema: {
        summary: 'Start a login',
        description:
          'Sends the browser to the provider. Without parameters the callback answers with JSON; with `return_to` ' +
            'it sets the refresh cookie and goes there.',
        tags: TAGS,
        params: Type.Object({ provider: Type.String({ maxLength: 64 }) }),
        querystring: LoginRequestSchema,
        response: { 302: { description: 'On to the next place.', type: 'null' }, ...START_PROBLEMS }
      }
    },
    async (request, reply) => {
      await app.limits.signIn.count(`start:${addressOf(request)}`)
      const completion = await chooseCompletion(request.query.return_to)
      try {
        const parameters = readLoginParameters(request.query, toInvalidRequest)
        await sendToProvider(options, request, reply, request.params.provider, completion, parameters)
      } catch (error) {
        await answerFailedLogin({ issuerUrl, errorPage }, request, reply, completion, error)
      }
      return reply
    }
  )

  async function chooseCompletion (returnTo: unknown): Promise<LoginCompletion> {
    if (returnTo === undefined) return { mode: 'direct' }
    const ownPage = ownReturnTo(returnTo, issuerUrl)
    if (ownPage !== undefined) return { mode: 'pages', returnTo: ownPage }
    const url = await allowedReturnTo(returnTo, allowedOrigins)
    if (url === undefined) {
      throw new Problem(
        'invalid_return_to',
        'return_to must be an absolute URL whose origin (scheme, host and port) is in ALLOWED_ORIGINS.'
      )
    }
    return { mode: 'cookie', returnTo: url }
  }

  await app.register(callbackRoutes, { ...options, errorPage })
}

const toInvalidRequest = (description: string) => new Problem('invalid_request', description)
