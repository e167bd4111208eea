import type { FastifyReply, FastifyRequest } from 'fastify'

export interface SignetOptions {
  /** Where Signet's routes are: `/auth`. The path of ISSUER_URL is the same. */
  prefix: string
  /**
   * The settings by their names in .env.example, such as `process.env`. PORT, HOST, LOG_LEVEL and SHUTDOWN_DELAY have
   * no effect: the server and its log are the host's.
   */
  settings: Readonly<Record<string, string | undefined>>
  /** Keeps the embedded database and the generated encryption key outside production: `.data` by default. */
  dataFolder?: string
}

/** `app.signet`. */
export interface Signet {
  /** The issuer, which is the base of Signet's URLs. */
  issuerUrl: string
  /**
   * An `onRequest` hook: rejects the request with 401 unless it carries a valid access token of a user. No database
   * query: a token whose session has ended passes until it expires.
   */
  requireBearer: Guard
  /** The same, and asks the database whether the session of the token is still active. */
  requireSession: Guard
  /** `requireBearer`, and 403 unless the token has the role. */
  requireRole: (role: string) => Guard
  /** `requireBearer`, and 403 unless the token has the scope. */
  requireScope: (scope: string) => Guard
  /** The claims of the request's access token. Throws for a request that no guard has let pass. */
  claims: (request: FastifyRequest) => AccessTokenClaims
  users: Users
}

export type Guard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

export interface Users {
  /** Undefined when there is no such user. */
  find: (userId: string) => Promise<User | undefined>
  /** By the verified address, in any case. */
  findByEmail: (email: string) => Promise<User | undefined>
}

/** The claims of an access token (RFC 9068 section 2.2), with those of TOKEN_CLAIMS. */
export interface AccessTokenClaims {
  iss: string
  /** The user's id. */
  sub: string
  aud: string | string[]
  exp: number
  iat: number
  jti: string
  client_id: string
  /** The session. */
  sid: string
  scope: string
  roles: string[]
  /** When the person signed in, in seconds since 1970. */
  auth_time: number
  /** The key that the token is bound to (RFC 9449 section 6.1). */
  cnf?: { jkt: string }
  amr?: string[]
}

/** A user as `GET /admin/users/:id` answers. Times are ISO 8601. */
export interface User {
  id: string
  email: string | null
  emailVerified: boolean
  name: string | null
  avatarUrl: string | null
  locale: string | null
  roles: string[]
  preferences: Record<string, unknown>
  metadata: Record<string, unknown>
  accounts: Account[]
  status: 'active' | 'disabled'
  createdAt: string
  updatedAt: string
  lastLoginAt: string | null
}

/** A person's account at a provider. */
export interface Account {
  id: string
  provider: string
  /** The provider's id of the person. */
  subject: string
  username: string | null
  email: string | null
  emailVerified: boolean
  name: string | null
  avatarUrl: string | null
  /** Separated by spaces. */
  scope: string
  createdAt: string
  lastLoginAt: string
}

declare module 'fastify' {
  interface FastifyInstance { signet: Signet }
}
