import { hash } from 'node:crypto'
import type { LoginSecrets } from '../providers/provider.ts'
import type { Sealer } from '../vault/sealing.ts'

/** What a login was started for, and how it completes. */
export type LoginCompletion = DirectCompletion | CookieCompletion | PagesCompletion | CodeCompletion | DeviceCompletion

/** Answers the callback with tokens. */
export interface DirectCompletion { mode: 'direct' }

/** Puts the refresh token into a cookie, and goes back to an app on an allowed origin. */
export interface CookieCompletion { mode: 'cookie', returnTo: string }

/** Opens a page session, and goes on to one of Signet's own pages. */
export interface PagesCompletion { mode: 'pages', returnTo: string }

/** Opens a session for the device that shows `userCode`, once the person confirms. */
export interface DeviceCompletion {
  mode: 'device'
  /** In base64url. */
  deviceCodeHash: string
  userCode: string
  clientId: string
  scope: string
  /** None for TOKEN_AUDIENCE. */
  resources?: string[]
}

/** Of a client that uses no PKCE. No verifier has this hash. */
export const NO_CODE_CHALLENGE = ''

/** Sends a code to a client: its checked request to /oauth2/authorize. */
export interface CodeCompletion {
  mode: 'code'
  /** Adds an account to a user who is signed in, instead of signing in. */
  intent: 'link' | undefined
  clientId: string
  redirectUri: string
  state: string | undefined
  /** The answer goes by a form that posts itself, and not in the query. */
  responseMode?: 'form_post' | undefined
  codeChallenge: string
  scope: string
  /** None for TOKEN_AUDIENCE. */
  resources?: string[]
  nonce: string | undefined
  /** The thumbprint of the DPoP key that is to exchange the code (RFC 9449 section 10). */
  dpopJkt?: string | undefined
  /** Of a third-party client: the person is asked before it gets the code. */
  consent?: ConsentRequest | undefined
}

export interface ConsentRequest {
  /** Of the client that the request was checked for, see ThirdParty. */
  fingerprint: string
  /** The person is asked although they have consented before (`prompt=consent`). */
  isForced: boolean
}

/** A login between its start and its callback. It is stored in a sealed cookie of the browser only. */
export interface LoginAttempt extends LoginSecrets {
  provider: string
  completion: LoginCompletion
  /** In seconds: how long before the start the person may have signed in at the provider. */
  maxAge?: number | undefined
  /** Milliseconds since 1970. */
  startedAt: number
}

export const ATTEMPT_LIFETIME_SECONDS = 10 * 60

/** The limit of all pending logins of one browser together, in its Cookie header (SEC-6). */
const MAX_COOKIE_BYTES = 3_000
const MAX_PENDING = 6

export interface LoginAttempts {
  /** The cookie of an attempt. */
  seal: (attempt: LoginAttempt) => { name: string, value: string }
  /** The attempt with this `state`, if this browser started it for this provider less than ten minutes ago. */
  open: (cookies: Cookies, state: string, provider: string) => LoginAttempt | undefined
  /** The names of cookies to delete so that one of `size` bytes fits: expired and forged ones, then the oldest. */
  surplus: (cookies: Cookies, size: number) => string[]
  cookieName: (state: string) => string
  /** Recorded when a state is spent. */
  stateHash: (state: string) => NonSharedBuffer
}

type Cookies = Record<string, string | undefined>

/**
 * Each attempt has a cookie of its own, named after its state, so that logins in several tabs do not interfere. The
 * seal is bound to that name. `secure` adds the prefix `__Host-`, so that no other host, not even a sibling, can set
 * one.
 */
export function createLoginAttempts (sealer: Sealer, { secure }: { secure: boolean }): LoginAttempts {
  const prefix = `${secure ? '__Host-' : ''}signet-login-`
  const cookieName = (state: string) => prefix + stateHash(state).toString('base64url').slice(0, 16)

  function read (name: string, value: string | undefined, state?: string): LoginAttempt | undefined {
    const opened = value === undefined ? undefined : sealer.open(value, name)
    if (opened === undefined) return undefined
    const attempt = JSON.parse(opened) as LoginAttempt
    const age = Date.now() - attempt.startedAt
    const isAlive = age <= ATTEMPT_LIFETIME_SECONDS * 1000 && age >= -60_000
    return isAlive && (state === undefined || attempt.state === state) ? attempt : undefined
  }

  return {
    cookieName,
    stateHash,

    seal (attempt) {
      const name = cookieName(attempt.state)
      return { name, value: sealer.seal(JSON.stringify(attempt), name) }
    },

    open (cookies, state, provider) {
      const name = cookieName(state)
      const attempt = read(name, cookies[name], state)
      return attempt?.provider === provider ? attempt : undefined
    },

    surplus (cookies, size) {
      const pending = Object.entries(cookies)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => {
          const bytes = name.length + (value?.length ?? 0) + '=; '.length
          return { name, bytes, startedAt: read(name, value)?.startedAt ?? -Infinity }
        })
        .sort((one, other) => other.startedAt - one.startedAt)
      let bytes = size
      return pending
        .filter((cookie, index) => {
          bytes += cookie.bytes
          return cookie.startedAt === -Infinity || index >= MAX_PENDING - 1 || bytes > MAX_COOKIE_BYTES
        })
        .map(({ name }) => name)
    }
  }
}

function stateHash (state: string): NonSharedBuffer {
  return hash('sha256', state, 'buffer')
}
