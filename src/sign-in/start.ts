import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/errors.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import type { HandOver, LoginAttempts } from './login-attempt.ts'
import type { SignInService } from './service.ts'

export interface StartOptions { signIn: SignInService, attempts: LoginAttempts, cookies: CookiePolicy }

/** Of name and value together. Browsers drop a larger one without a word (RFC 6265bis section 5.6), and the person would come back as a stranger. */
const MAX_COOKIE_LENGTH = 4096

/** Starts a login and sends the browser to the provider with the attempt's cookie; older attempts make room for it. */
export async function sendToProvider (
  { signIn, attempts, cookies }: StartOptions, request: FastifyRequest, reply: FastifyReply, providerId: string, handOver: HandOver
): Promise<FastifyReply> {
  const { url, cookie, provider } = await signIn.start(providerId, handOver)
  if (cookie.name.length + cookie.value.length > MAX_COOKIE_LENGTH) {
    throw new Problem('invalid_request', 'The request is too long to be kept in a cookie: send a shorter redirect_uri, state or nonce.')
  }
  const attributes = cookies.loginAttempt(provider.formPost)
  for (const name of attempts.surplus(request.cookies, cookie.name.length + cookie.value.length)) reply.clearCookie(name, attributes)
  return reply.header('cache-control', 'no-store').setCookie(cookie.name, cookie.value, attributes).redirect(url, 302)
}
