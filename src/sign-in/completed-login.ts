import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CookiePolicy } from '../http/cookies.ts'
import type { Sealer } from '../vault/sealing.ts'
import { ATTEMPT_LIFETIME_SECONDS } from './login-attempt.ts'

/** The sign-in that this browser ended last, so that a page that is loaded again does not say that it failed. */
export interface CompletedLogin {
  /** In base64url. */
  stateHash: string
  /** No app asked for it: the person stayed here. */
  isDirect: boolean
  /** The web app that the person went to. */
  backTo?: { name: string, url: string }
}

export interface CompletedLogins {
  /** Marks the login as completed, in this browser, for ten minutes. */
  write: (reply: FastifyReply, login: CompletedLogin, formPost: boolean) => void
  /** The login with this state, if this browser completed it less than ten minutes ago. */
  read: (request: FastifyRequest, stateHash: string) => CompletedLogin | undefined
}

const CONTEXT = 'completed-login'

/** A sealed cookie holds the mark: nothing in the query of a callback is believed. */
export function createCompletedLogins (sealer: Sealer, cookies: CookiePolicy): CompletedLogins {
  const name = cookies.completedLoginName
  return {
    write (reply, login, formPost) {
      const sealed = sealer.seal(JSON.stringify({ ...login, at: Date.now() }), CONTEXT)
      reply.setCookie(name, sealed, cookies.loginAttempt(formPost))
    },

    read (request, stateHash) {
      const opened = sealer.open(request.cookies[name] ?? '', CONTEXT)
      if (opened === undefined) return undefined
      const { at, ...login } = JSON.parse(opened) as CompletedLogin & { at: number }
      const isFresh = Date.now() - at <= ATTEMPT_LIFETIME_SECONDS * 1000
      return isFresh && login.stateHash === stateHash ? login : undefined
    }
  }
}
