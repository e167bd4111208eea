import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { noteOrigin } from '../http/failure-origin.ts'
import type { AllowedOrigins } from '../http/allowed-origins.ts'
import { logRedirectedError, redirectBack, redirectCode, redirectWithError } from './redirects.ts'
import { TokenResponseSchema } from '../tokens/token-response.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { isDatabaseUnavailable } from '../database/unavailable.ts'
import { sendErrorPage } from '../http/error-page.ts'
import { html, sendPage, wantsHtml, type Markup } from '../http/pages.ts'
import { problems, toProblem } from '../http/problem-details.ts'
import { addressOf } from '../http/client-address.ts'
import type { Parameters } from '../http/parameters.ts'
import { describeLoginParameters, LOGIN_PARAMETERS, readLoginParameters } from '../providers/login-parameters.ts'
import type { Providers } from '../providers/registry.ts'
import { UserSchema } from '../users/user.ts'
import type { Sealer } from '../vault/sealing.ts'
import { deviceErrorPage } from './device-error-page.ts'
import { writeDeviceVisit } from './device-visit.ts'
import type { CodeCompletion, LoginCompletion, LoginAttempt, LoginAttempts } from './login-attempt.ts'
import { allowedReturnTo } from './return-to.ts'
import { originOfLogin } from './login-origin.ts'
import { STAGE_STEPS } from './login-stage.ts'
import type { CallbackParameters, SignInService } from './service.ts'
import { sendToProvider } from './start.ts'

export interface SignInOptions {
  issuerUrl: string
  providers: Providers
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
  visitSealer: Sealer
  allowedOrigins: AllowedOrigins
}

const TAGS = ['Sign-in']
const LINK_PARAMETERS = ['return_to', ...LOGIN_PARAMETERS]
const Parameter = (description: string) => Type.Optional(Type.Unknown({ description }))
const LoginRequestSchema = Type.Object({
  return_to: Parameter('A URL whose origin is allowed.'),
  ...describeLoginParameters(Parameter)
})
const ProviderParams = Type.Object({ provider: Type.String({ maxLength: 64 }) })
const Redirect = { 302: { description: 'On to the next place.', type: 'null' } }
const START_PROBLEMS = problems(
  'invalid_request',
  'invalid_return_to',
  'unknown_provider',
  'rate_limited',
  'provider_error',
  'provider_timeout'
)
const CALLBACK_PROBLEMS = problems(
  'invalid_state',
  'invalid_request',
  'access_denied',
  'account_disabled',
  'sign_up_closed',
  'email_not_allowed',
  'unknown_provider',
  'rate_limited',
  'provider_error',
  'invalid_id_token',
  'service_unavailable',
  'provider_timeout'
)

const NO_PROVIDER = html`<p>No provider is enabled yet. Put the client id and secret of one into the settings, for
  instance <code>GITHUB_CLIENT_ID</code> and <code>GITHUB_CLIENT_SECRET</code>.</p>`

export const signInRoutes: FastifyPluginAsyncTypebox<SignInOptions> = async (app, options) => {
  const { issuerUrl, providers, signIn, attempts, cookies, visitSealer, allowedOrigins } = options

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
      sendPage(reply, 'Sign in', providerLinks(request.query))
      return reply
    }
  )

  function providerLinks (parameters: Parameters): Markup {
    if (providers.size === 0) return NO_PROVIDER
    const links = list(parameters).map(
      ({ name, loginUrl }) => html`<li><a class="button" href="${loginUrl}">Continue with ${name}</a></li>`
    )
    return html`<ul>${links}</ul>`
  }

  app.get(
    '/login/:provider',
    {
      exposeHeadRoute: false,
      schema: {
        summary: 'Start a login',
        description:
          'Sends the browser to the provider. Without parameters the callback answers with JSON; with `return_to` ' +
            'it sets the refresh cookie and goes there.',
        tags: TAGS,
        params: ProviderParams,
        querystring: LoginRequestSchema,
        response: { ...Redirect, ...START_PROBLEMS }
      }
    },
    async (request, reply) => {
      await app.limits.signIn.count(`start:${addressOf(request)}`)
      const completion = await chooseCompletion(request.query.return_to)
      try {
        const parameters = readLoginParameters(request.query, toInvalidRequest)
        await sendToProvider(options, request, reply, request.params.provider, completion, parameters)
      } catch (error) {
        fail(request, reply, completion, error)
      }
      return reply
    }
  )

  async function chooseCompletion (returnTo: unknown): Promise<LoginCompletion> {
    if (returnTo === undefined) return { mode: 'direct' }
    const url = await allowedReturnTo(returnTo, allowedOrigins)
    if (url === undefined) {
      throw new Problem(
        'invalid_return_to',
        'return_to must be an absolute URL whose origin (scheme, host and port) is in ALLOWED_ORIGINS.'
      )
    }
    return { mode: 'cookie', returnTo: url }
  }

  /**
   * A browser hands the fragment of a callback on to where we redirect it, unless that has one of its own, if only an
   * empty one (RFC 9110 section 10.2.2): Facebook's `#_=_` would end up in the app's address.
   */
  const endFragment: onSendHookHandler = (request, reply, payload, done) => {
    const provider = providers.get((request.params as Static<typeof ProviderParams>).provider)
    const location = reply.getHeader('location')
    if (provider?.addsFragment && typeof location === 'string' && !location.includes('#')) {
      reply.header('location', `${location}#`)
    }
    done(null, payload)
  }

  const callbackSchema = {
    tags: TAGS,
    params: ProviderParams,
    response: {
      200: Type.Intersect([TokenResponseSchema, Type.Object({ user: UserSchema })], { description: 'Direct mode.' }),
      ...Redirect,
      ...CALLBACK_PROBLEMS
    }
  }

  app.get(
    '/login/:provider/callback',
    {
      exposeHeadRoute: false,
      onSend: endFragment,
      schema: {
        summary: 'End a login',
        description: 'Where the provider sends the browser back to.',
        ...callbackSchema
      }
    },
    async (request, reply) => {
      await callback(request, reply, request.params.provider, request.query)
      return reply
    }
  )

  app.post(
    '/login/:provider/callback',
    {
      schema: {
        summary: 'End a login, by form_post',
        description: 'For providers that answer with response_mode=form_post.',
        ...callbackSchema
      }
    },
    async (request, reply) => {
      const provider = providers.get(request.params.provider)
      if (provider && !provider.formPost) throw new Problem('not_found', `${provider.name} does not answer by POST.`)
      await callback(request, reply, request.params.provider, request.body)
      return reply
    }
  )

  /** Sends the response itself. */
  async function callback (
    request: FastifyRequest,
    reply: FastifyReply,
    provider: string,
    parameters: unknown
  ): Promise<FastifyReply> {
    await app.limits.signIn.count(`callback:${addressOf(request)}`)
    reply.header('cache-control', 'no-store')
    if (!providers.has(provider)) throw new Problem('unknown_provider', `There is no provider "${provider}" here.`)
    const { state, attempt } = returned(provider, () => openAttempt(request, provider, parameters))
    const forget = () =>
      reply.clearCookie(attempts.cookieName(state), cookies.loginAttempt(providers.get(provider)?.formPost ?? false))
    try {
      const answer = returned(provider, () => readParameters(state, parameters))
      const finished = await signIn.finish(attempt, answer, callerOf(request))
      forget()
      const { completion } = attempt
      if ('code' in finished) {
        return redirectBack(reply, { ...(completion as CodeCompletion), issuerUrl }, { code: finished.code })
      }
      if (completion.mode === 'device' && 'sessionId' in finished) {
        const { mode: _mode, ...visit } = completion
        const { sessionId, user } = finished
        writeDeviceVisit(reply, visitSealer, cookies, { ...visit, sessionId, userName: user.name })
        return reply.redirect(`${issuerUrl}/device/confirm`, 302)
      }
      if (!('tokens' in finished)) throw new Error(`A sign-in in ${completion.mode} mode ended without tokens.`)
      if (completion.mode !== 'cookie') return reply.send({ ...finished.tokens, user: finished.user })
      return reply
        .setCookie(cookies.refreshCookieName, finished.tokens.refresh_token, cookies.refreshToken)
        .redirect(completion.returnTo, 302)
    } catch (error) {
      // With the database away nothing was spent: the same answer of the provider may be tried again.
      if (!isDatabaseUnavailable(error)) forget()
      return fail(request, reply, attempt.completion, error)
    }
  }

  function openAttempt (
    request: FastifyRequest,
    provider: string,
    parameters: unknown
  ): { state: string, attempt: LoginAttempt } {
    const state = readCallbackParameter(parameters, 'state', 256)
    const attempt = state === undefined ? undefined : attempts.open(request.cookies, state, provider)
    if (state !== undefined && attempt) return { state, attempt }
    throw new Problem(
      'invalid_state',
      'This sign-in was not started in this browser, is older than ten minutes, or was completed. Start again.'
    )
  }

  /** A login that ends before the service has seen it is counted all the same, and the log names its step. */
  function returned<Result> (provider: string, work: () => Result): Result {
    try {
      return work()
    } catch (error) {
      app.metrics.login(provider, 'returned', error)
      throw noteOrigin(error, { step: STAGE_STEPS.returned, provider })
    }
  }

  /** A failed login goes where a successful one would have gone. In direct mode that is here. */
  function fail (
    request: FastifyRequest,
    reply: FastifyReply,
    completion: LoginCompletion,
    error: unknown
  ): FastifyReply {
    noteOrigin(error, originOfLogin(completion))
    const problem = toProblem(error)
    if (completion.mode === 'direct' || problem.code === 'unknown_provider') throw error
    logRedirectedError(request, error)
    if (completion.mode === 'device') return sendErrorPage(request, reply, problem, deviceErrorPage(issuerUrl))
    const { id: requestId } = request
    if (completion.mode === 'code') return redirectWithError(reply, { ...completion, issuerUrl, requestId }, error)
    const [redirected, description] = redirectCode(error, requestId)
    const url = new URL(completion.returnTo)
    url.searchParams.set('error', redirected)
    url.searchParams.set('error_description', description)
    return reply.header('cache-control', 'no-store').redirect(url.href, 302)
  }
}

function readParameters (state: string, parameters: unknown): CallbackParameters {
  const read = (name: string, maximum: number) => {
    const value = readCallbackParameter(parameters, name, maximum)
    if (value === undefined && isPresent(parameters, name)) {
      throw new Problem('invalid_request', `${name} must be there once, as text of at most ${maximum} characters.`)
    }
    return value
  }
  const code = read('code', 4096)
  const iss = read('iss', 1024)
  // Facebook sends some errors as `error_code` alone.
  const errorCode = code === undefined ? readCallbackParameter(parameters, 'error_code', 64) : undefined
  const error = read('error', 256) ?? errorCode
  const user = isPresent(parameters, 'user') ? (parameters as Record<string, unknown>)['user'] : undefined
  return { state, code, iss, error, user: typeof user === 'string' && user.length <= 4096 ? user : undefined }
}

/** Returns a parameter that is there once, as printable text; undefined for anything else (SEC-5, SEC-12). */
function readCallbackParameter (parameters: unknown, name: string, maximum: number): string | undefined {
  const value = isPresent(parameters, name) ? (parameters as Record<string, unknown>)[name] : undefined
  if (typeof value !== 'string' || value.length > maximum) return undefined
  return /^[\x20-\x7e]+$/.test(value) ? value : undefined
}

function isPresent (parameters: unknown, name: string): boolean {
  return typeof parameters === 'object' && parameters !== null && Object.hasOwn(parameters, name)
}

const toInvalidRequest = (description: string) => new Problem('invalid_request', description)
