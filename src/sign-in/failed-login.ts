import type { FastifyReply, FastifyRequest } from 'fastify'
import { noteOrigin } from '../http/failure-origin.ts'
import { toProblem } from '../http/problem-details.ts'
import { sendErrorPage, type ErrorPage } from '../pages/error-page.ts'
import { deviceErrorPage } from './device-error-page.ts'
import type { LoginCompletion } from './login-attempt.ts'
import { originOfLogin } from './login-origin.ts'
import { logRedirectedError, needsClick, redirectCode, redirectWithError, withWayBack } from './redirects.ts'

const ABOUT_THE_PERSON = ['account_disabled', 'sign_up_closed', 'email_not_allowed']

/**
 * Answers a failed login: it goes where a successful one would have gone. Throws the error where that is here, which
 * the error handler of the route then answers.
 */
export async function answerFailedLogin (
  { issuerUrl, errorPage }: { issuerUrl: string, errorPage: ErrorPage },
  request: FastifyRequest,
  reply: FastifyReply,
  completion: LoginCompletion,
  error: unknown
): Promise<FastifyReply> {
  noteOrigin(error, originOfLogin(completion))
  const problem = toProblem(error)
  // Signet's own pages would only send the person to sign in again.
  if (completion.mode === 'direct' || completion.mode === 'pages' || problem.code === 'unknown_provider') throw error
  // A third party learns nothing of a person who has allowed it nothing.
  if (completion.mode === 'code' && completion.consent && ABOUT_THE_PERSON.includes(problem.code)) throw error
  const { id: requestId } = request
  // Who declined has said so to the provider; of other errors the person may not have known.
  if (completion.mode === 'code' && completion.consent && problem.code !== 'access_denied' &&
    needsClick(request, completion.redirectUri)) throw withWayBack(error, { ...completion, issuerUrl, requestId })
  logRedirectedError(request, error)
  if (completion.mode === 'device') {
    return await sendErrorPage(request, reply, problem, { ...errorPage, ...deviceErrorPage(issuerUrl) })
  }
  if (completion.mode === 'code') {
    return await redirectWithError(reply, { ...completion, issuerUrl, requestId }, error)
  }
  const [redirected, description] = redirectCode(error, requestId)
  const url = new URL(completion.returnTo)
  url.searchParams.set('error', redirected)
  url.searchParams.set('error_description', description)
  return reply.header('cache-control', 'no-store').redirect(url.href, 302)
}
