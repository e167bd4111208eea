import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CookiePolicy } from '../http/cookies.ts'
import type { Providers } from '../providers/registry.ts'

/** Remembers in this browser which provider the person signed in with. */
export function rememberProvider (reply: FastifyReply, cookies: CookiePolicy, id: string): void {
  reply.setCookie(cookies.lastProviderName, id, cookies.lastProvider)
}

/** The id of the enabled provider that this browser signed in with last. */
export function lastProvider (
  request: FastifyRequest, cookies: CookiePolicy, providers: Providers
): string | undefined {
  const id = request.cookies[cookies.lastProviderName]
  return id !== undefined && providers.has(id) ? id : undefined
}
