import { hash } from 'node:crypto'
import type { LoginSecrets } from '../providers/provider.ts'
import type { Sealer } from '../vault/sealing.ts'

/** Where the result of a login goes. */
export type HandOver =
  | { mode: 'direct' }
  | { mode: 'cookie', returnTo: string }
  | CodeHandOver
  | { mode: 'device', deviceCodeHash: string, userCode: string, clientId: string, scope: string }

/** To a client that asked at /oauth2/authorize: its checked request. */
export interface CodeHandOver {
  mode: 'code'
  /** To add an account to somebody who is signed in, instead of signing in. */
  intent: 'link' | undefined
  clientId: string
  redirectUri: string
  state: string | undefined
  codeChallenge: string
  scope: string
  nonce: string | undefined
}

/** A login that has started and not ended. It lives in a sealed cookie of the browser, and nowhere else. */
export interface LoginAttempt extends LoginSecrets {
  provider: string
  handOver: HandOver
  /** Milliseconds since 1970. */
  startedAt: number
}

export const ATTEMPT_LIFETIME_SECONDS = 10 * 60

/** All pending logins of one browser may take up this much of its Cookie header (SEC-6). */
const MAX_COOKIE_BYTES = 3_000
const MAX_PENDING = 6

export interface LoginAttempts {
  /** The cookie of an attempt. */
  seal: (attempt: LoginAttempt) => { name: string, value: string }
  /** The attempt that belongs to `state`, when this browser started it, for this provider, less than ten minutes ago. */
  open: (cookies: Cookies, state: string, provider: string) => LoginAttempt | undefined
  /** The cookies of a browser's pending logins to drop before one of `size` bytes is added: what is over, then the oldest. */
  surplus: (cookies: Cookies, size: number) => string[]
  cookieName: (state: string) => string
  /** What is written down when a state is used: its hash, never itself. */
  stateHash: (state: string) => NonSharedBuffer
}

type Cookies = Record<string, string | undefined>

/**
 * The cookie's name comes from the state, so that logins in several tabs do not meet; the state is also bound into the
 * seal, so that no cookie opens under another's name. `secure` gives the name its `__Host-` prefix: then no other host,
 * not even a sibling, can plant one.
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
        .map(([name, value]) => ({ name, bytes: name.length + (value?.length ?? 0) + 3, startedAt: read(name, value)?.startedAt ?? -Infinity }))
        .sort((one, other) => other.startedAt - one.startedAt)
      let bytes = size
      return pending.filter((cookie, index) => {
        bytes += cookie.bytes
        return cookie.startedAt === -Infinity || index >= MAX_PENDING - 1 || bytes > MAX_COOKIE_BYTES
      }).map(({ name }) => name)
    }
  }
}

function stateHash (state: string): NonSharedBuffer {
  return hash('sha256', state, 'buffer')
}
