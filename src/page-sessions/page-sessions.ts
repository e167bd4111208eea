import type { FastifyReply, FastifyRequest } from 'fastify'
import { callerOf } from '../http/caller.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import type { IdentityGrant } from '../tokens/grants.ts'
import { hashSecret } from '../tokens/refresh-token.ts'
import type { Sealer } from '../vault/sealing.ts'
import type { PageSessionRepository, PresentedPageSession } from './repository.ts'

/** A session that a sign-in has just opened for /account and /admin, and the secret that its cookie gets. */
export interface OpenedPageSession { sessionId: string, secret: Buffer }

/**
 * The sessions behind the cookie of /account and /admin. The cookie holds the session's id and a secret of 256 random
 * bits, sealed. The database holds the hash of the secret only, for those sessions alone that were opened for these
 * pages: neither ENCRYPTION_KEYS, nor a copy of the database, nor a session's id makes a cookie, and no cookie opens
 * another session. The secret does not rotate: it ends with its session.
 */
export interface PageSessions {
  /** Gives the browser the cookie. Ends the page session that it had before. */
  begin: (request: FastifyRequest, reply: FastifyReply, opened: OpenedPageSession) => Promise<void>
  /** The grant of the browser's page session; undefined without an active one. */
  read: (request: FastifyRequest) => Promise<IdentityGrant | undefined>
  /** Ends the browser's page session and clears the cookie. */
  end: (request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

export interface PageSessionOptions {
  repository: PageSessionRepository
  sealer: Sealer
  cookies: Pick<CookiePolicy, 'pageSessionName' | 'pageSession'>
}

export function createPageSessions ({ repository, sealer, cookies }: PageSessionOptions): PageSessions {
  const { pageSessionName, pageSession } = cookies

  function readCookie (request: FastifyRequest): PresentedPageSession | undefined {
    const opened = sealer.open(request.cookies[pageSessionName] ?? '', pageSessionName)
    if (opened === undefined) return undefined
    const { sessionId, secret } = JSON.parse(opened) as { sessionId: string, secret: string }
    return { sessionId, secretHash: hashSecret(Buffer.from(secret, 'base64url')) }
  }

  async function endPresented (request: FastifyRequest): Promise<void> {
    const presented = readCookie(request)
    if (presented) await repository.end(presented, callerOf(request))
  }

  return {
    async begin (request, reply, { sessionId, secret }) {
      await endPresented(request)
      const content = JSON.stringify({ sessionId, secret: secret.toString('base64url') })
      reply.setCookie(pageSessionName, sealer.seal(content, pageSessionName), pageSession)
    },

    async read (request) {
      const presented = readCookie(request)
      return presented && await repository.use(presented)
    },

    async end (request, reply) {
      await endPresented(request)
      reply.clearCookie(pageSessionName, pageSession)
    }
  }
}
