import type { SessionLifetime } from '../database/active-session.ts'
import type { User } from '../users/user.ts'

export interface NewSession extends SessionLifetime {
  clientId: string
  scope: string
  /** What its access tokens are for; none for TOKEN_AUDIENCE. */
  resources?: string[]
  secretHash: NonSharedBuffer
  /** The one device grant that the session may be given to. */
  deviceCodeHash?: NonSharedBuffer
  /** For a client that will exchange it for the session's tokens. */
  code?: {
    hash: NonSharedBuffer
    redirectUri: string
    codeChallenge: string
    nonce: string | null
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
