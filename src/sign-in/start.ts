import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/errors.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { wantsHtml } from '../http/wants-html.ts'
import type { LoginParameters } from '../providers/login-parameters.ts'
import { languageOf, uiLocales } from '../texts/texts.ts'
import type { LoginAttempts, LoginCompletion } from './login-attempt.ts'
import type { SignInService } from './service.ts'

export interface StartOptions {
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
}

/** Of name and value together. Browsers ignore a longer cookie without an error (RFC 6265bis section 5.6). */
const MAX_COOKIE_LENGTH = 4096

/**
 * Starts a login: sends the browser to the provider with the cookie of the attempt. Deletes older attempts to keep the
 * Cookie header small.
 */
export async function sendToProvider (
  { signIn, attempts, cookies }: StartOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  providerId: string,
  completion: LoginCompletion,
  parameters?: LoginParameters
): Promise<FastifyReply> {
  const { url, cookie, provider } = await signIn.start(providerId, completion, parameters)
  const length = cookie.name.length + cookie.value.length
  if (length > MAX_COOKIE_LENGTH) {
    throw new Problem(
      'invalid_request',
      'The request is too long for a cookie: send a shorter redirect_uri, state or nonce.'
    )
  }
  const attributes = cookies.loginAttempt(provider.formPost)
  for (const name of attempts.surplus(request.cookies, length)) reply.clearCookie(name, attributes)
  // So that the pages after the provider's are in the language of those before it.
  if (wantsHtml(request) && uiLocales(request) !== undefined) {
    reply.setCookie(cookies.languageName, languageOf(request), attributes)
  }
  reply.header('cache-control', 'no-store').setCookie(cookie.name, cookie.value, attributes)
  return reply.redirect(url, 302)
}
