import type { SessionLifetime } from '../database/active-session.ts'
import type { User } from '../users/user.ts'

export interface NewSession extends SessionLifetime {
  clientId: string
  scope: string
  /** What its access tokens are for; none for TOKEN_AUDIENCE. */
  resources?: string[] | undefined
  secretHash: NonSharedBuffer
  /** The one device grant that the session may be given to. */
  deviceCodeHash?: NonSharedBuffer
  /** Of the cookie that opens /account and /admin with the session. */
  pageSecretHash?: NonSharedBuffer
  /** The DPoP key that its refresh tokens are bound to. */
  dpopJkt?: string | undefined
  /** For a client that will exchange it for the session's tokens. */
  code?: {
    hash: NonSharedBuffer
    redirectUri: string
    codeChallenge: string
    nonce: string | null
    /** The only DPoP key that may exchange it; undefined where any client may. */
    dpopJkt?: string | undefined
    lifetimeSeconds: number
  }
}

export interface SignedIn {
  userId: string
  sessionId: string
  /** When the person signed in at the provider, as far as the provider says. */
  authenticatedAt: Date
  /** The user, where the sign-in has read it. */
  user?: User
}
