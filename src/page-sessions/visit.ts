import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/errors.ts'
import { logFailure } from '../http/log-failure.ts'
import { toProblem } from '../http/problem-details.ts'
import { wantsHtml } from '../http/wants-html.ts'
import { isOwnForm } from '../http/own-form.ts'
import { requireRecentSignIn } from '../sessions/signed-in.ts'
import type { AccessTokens } from '../tokens/access-tokens.ts'
import type { IdentityGrant } from '../tokens/grants.ts'
import { createApi, type Api } from './api.ts'
import type { PageSessions } from './page-sessions.ts'
import { sendProblemPage, sendSignInAgainPage } from './problem-pages.ts'
import { areaOf } from './own-pages.ts'
import { textsOf, type Texts } from '../texts/texts.ts'

/** A person who is signed in to /account and /admin, at one of these pages. */
export interface Visit {
  grant: IdentityGrant
  api: Api
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Behind `requirePageSession`. */
    visit: Visit
    /** In the language of the person. */
    pageTexts: Texts
  }
  interface FastifyContextConfig {
    /** The path where a sign-in leads back to from a page that cannot be opened twice. */
    afterSignIn?: string
  }
}

export interface VisitOptions {
  issuerUrl: string
  pageSessions: PageSessions
  accessTokens: Pick<AccessTokens, 'issue'>
}

/**
 * For a scope of pages: answers browsers only, refuses forms of other sites, sends a person who is not signed in to the
 * sign-in page, and shows each problem as a page.
 */
export function requirePageSession (app: FastifyInstance, options: VisitOptions): void {
  const { issuerUrl, pageSessions, accessTokens } = options
  app.decorateRequest('visit')
  app.decorateRequest('pageTexts')

  app.addHook('onRequest', async (request, reply) => {
    // "no-referrer" would also hide the origin of a form (Fetch standard, "append a request Origin header").
    reply.header('cache-control', 'no-store').header('referrer-policy', 'same-origin')
    if (!wantsHtml(request)) throw new Problem('not_acceptable')
    request.pageTexts = await textsOf(request)
    // The cookie is `SameSite=Lax`, so another site's form has none anyway.
    const isForm = request.method !== 'GET' && request.method !== 'HEAD'
    if (isForm && !isOwnForm(request, issuerUrl)) {
      throw new Problem('invalid_request', 'This form came from another site.', { status: 403 })
    }
    const grant = await pageSessions.read(request)
    if (!grant) return sendToSignIn(request, reply)
    request.visit = { grant, api: createApi(app, request, accessTokens.issue(grant)) }
  })

  app.setErrorHandler(async (error, request, reply) => {
    const problem = toProblem(error)
    logFailure(request, problem, error)
    if (!wantsHtml(request)) return reply.problem(problem)
    if (problem.status === 401) return sendToSignIn(request, reply)
    reply.code(problem.status).headers(problem.headers)
    return problem.code === 'reauthentication_required'
      ? sendSignInAgainPage(request, reply, signInUrl(request, { prompt: 'login', max_age: '600' }), issuerUrl)
      : await sendProblemPage(request, reply, problem, issuerUrl)
  })

  function sendToSignIn (request: FastifyRequest, reply: FastifyReply): FastifyReply {
    return reply.redirect(signInUrl(request), 303)
  }

  /** The sign-in page, which leads back to this page: to its path alone, as a query may be of any length. */
  function signInUrl (request: FastifyRequest, more: Record<string, string> = {}): string {
    const [path = ''] = request.url.split('?')
    const { url = '', config: { afterSignIn } } = request.routeOptions
    const hasPage = app.hasRoute({ method: 'GET', url })
    const returnTo = issuerUrl + (afterSignIn ?? (hasPage ? path : areaOf(path)))
    return `${issuerUrl}/login?${new URLSearchParams({ return_to: returnTo, ...more })}`
  }
}

/** Throws `reauthentication_required` as the API would, before the person fills in a form. */
export async function assertRecentSignIn ({ visit: { grant } }: FastifyRequest): Promise<void> {
  await requireRecentSignIn({ bearer: { auth_time: grant.authTime } })
}
