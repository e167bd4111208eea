import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest, onSendHookHandler } from 'fastify'
import { Type, type Static } from 'typebox'
import { isDatabaseUnavailable } from '../database/unavailable.ts'
import { callerOf } from '../http/caller.ts'
import { addressOf } from '../http/client-address.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { Problem } from '../http/errors.ts'
import { noteOrigin } from '../http/failure-origin.ts'
import { problems } from '../http/problem-details.ts'
import { wantsHtml } from '../http/wants-html.ts'
import type { PageSessions } from '../page-sessions/page-sessions.ts'
import type { ErrorPage } from '../pages/error-page.ts'
import type { Providers } from '../providers/registry.ts'
import { TokenResponseSchema } from '../tokens/token-response.ts'
import { UserSchema } from '../users/user.ts'
import type { Sealer } from '../vault/sealing.ts'
import { readCallbackParameters, readState } from './callback-parameters.ts'
import type { CompletedLogin, CompletedLogins } from './completed-login.ts'
import type { CompletedSignIn } from './completions.ts'
import { writeConsentVisit } from './consent-visit.ts'
import { writeDeviceVisit } from './device-visit.ts'
import { answerFailedLogin } from './failed-login.ts'
import { rememberProvider } from './last-provider.ts'
import type { LoginAttempt, LoginAttempts } from './login-attempt.ts'
import { STAGE_STEPS } from './login-stage.ts'
import { redirectBack } from './redirects.ts'
import type { SignInService } from './service.ts'
import { sendAlreadySignedInPage, sendSignedInPage } from './signed-in-page.ts'

export interface CallbackOptions {
  issuerUrl: string
  providers: Providers
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
  visitSealer: Sealer
  consentSealer: Sealer
  completedLogins: CompletedLogins
  pageSessions: Pick<PageSessions, 'begin'>
  /** The page where people see and change what is stored about them. */
  accountUrl?: string | undefined
}

const ProviderParams = Type.Object({ provider: Type.String({ maxLength: 64 }) })

const schema = {
  tags: ['Sign-in'],
  params: ProviderParams,
  response: {
    200: {
      description: 'Direct mode: JSON, or a page for a browser.',
      content: {
        'application/json': { schema: Type.Intersect([TokenResponseSchema, Type.Object({ user: UserSchema })]) },
        'text/html': { schema: Type.String() }
      }
    },
    302: { description: 'On to the next place.', type: 'null' },
    ...problems(
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
  }
}

/** Where a provider sends the browser back to. */
export const callbackRoutes: FastifyPluginAsyncTypebox<CallbackOptions & { errorPage: ErrorPage }> = async (
  app, options
) => {
  const { issuerUrl, providers, signIn, attempts, cookies, completedLogins, pageSessions } = options

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

  app.get(
    '/login/:provider/callback',
    {
      exposeHeadRoute: false,
      onSend: endFragment,
      schema: { summary: 'End a login', description: 'Where the provider sends the browser back to.', ...schema }
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
        ...schema
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
    const completed = wantsHtml(request) ? completedLogin(request, parameters) : undefined
    if (completed) return await sendAlreadySignedInPage(request, reply, completed, options)
    const { state, attempt } = returned(provider, () => openAttempt(request, provider, parameters))
    const forget = () =>
      reply.clearCookie(attempts.cookieName(state), cookies.loginAttempt(providers.get(provider)?.formPost ?? false))
    try {
      const answer = returned(provider, () => readCallbackParameters(state, parameters))
      const signedIn = await signIn.finish(attempt, answer, callerOf(request))
      forget()
      if (wantsHtml(request)) rememberLogin(reply, state, attempt)
      return await sendOn(request, reply, signedIn)
    } catch (error) {
      // With the database away nothing was spent: the same answer of the provider may be tried again.
      if (!isDatabaseUnavailable(error)) forget()
      return await answerFailedLogin(options, request, reply, attempt.completion, error)
    }
  }

  /** Sends the browser on to what the login was started for. */
  async function sendOn (
    request: FastifyRequest, reply: FastifyReply, signedIn: CompletedSignIn
  ): Promise<FastifyReply> {
    switch (signedIn.outcome) {
      case 'tokens': {
        const { completion, tokens, user } = signedIn
        if (completion.mode === 'cookie') {
          reply.setCookie(cookies.refreshCookieName, tokens.refresh_token, cookies.refreshToken)
          return reply.redirect(completion.returnTo, 302)
        }
        if (wantsHtml(request)) return await sendSignedInPage(request, reply, signedIn, options)
        return reply.send({ ...tokens, user })
      }
      case 'code':
        return await redirectBack(reply, { ...signedIn.completion, issuerUrl }, { code: signedIn.code })
      case 'consent': {
        const { completion, sessionId, user } = signedIn
        const visit = { sessionId, userId: user.id, completion }
        const id = writeConsentVisit(request, reply, options.consentSealer, cookies, visit)
        return reply.redirect(`${issuerUrl}/oauth2/consent?request=${id}`, 302)
      }
      case 'device': {
        const { completion: { mode: _mode, ...visit }, sessionId, user } = signedIn
        writeDeviceVisit(reply, options.visitSealer, cookies, { ...visit, sessionId, userName: user.name })
        return reply.redirect(`${issuerUrl}/device/confirm`, 302)
      }
      case 'page':
        await pageSessions.begin(request, reply, signedIn.page)
        return reply.redirect(signedIn.completion.returnTo, 302)
    }
  }

  /** So that this browser offers the provider first, and is told of the login when it loads the callback again. */
  function rememberLogin (reply: FastifyReply, state: string, { provider, completion }: LoginAttempt): void {
    const isLink = completion.mode === 'code' && completion.intent === 'link'
    if (!isLink) rememberProvider(reply, cookies, provider)
    if (completion.mode === 'device') return
    const login: CompletedLogin = {
      stateHash: attempts.stateHash(state).toString('base64url'),
      isDirect: completion.mode === 'direct' || completion.mode === 'pages'
    }
    const { mode } = completion
    const url = mode === 'cookie' ? completion.returnTo : mode === 'code' && completion.redirectUri
    if (url && /^https?:/.test(url)) login.backTo = { name: new URL(url).host, url: `${new URL(url).origin}/` }
    completedLogins.write(reply, login, providers.get(provider)?.formPost ?? false)
  }

  function completedLogin (request: FastifyRequest, parameters: unknown): CompletedLogin | undefined {
    const state = readState(parameters)
    if (state === undefined) return undefined
    return completedLogins.read(request, attempts.stateHash(state).toString('base64url'))
  }

  function openAttempt (
    request: FastifyRequest,
    provider: string,
    parameters: unknown
  ): { state: string, attempt: LoginAttempt } {
    const state = readState(parameters)
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
}
