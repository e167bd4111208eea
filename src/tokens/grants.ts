import { PROVIDER_TOKEN_SCOPE } from './scope.ts'

/** `client_id` of tokens of the direct and cookie modes, which need no registered client. */
export const OWN_CLIENT_ID = 'signet'

/** The scope of the direct and cookie modes. */
export const OWN_SCOPE = PROVIDER_TOKEN_SCOPE

/** What an access token says about a session and its user. */
export interface SessionGrant {
  sessionId: string
  userId: string
  clientId: string
  scope: string
  roles: string[]
  /** When the person last signed in at a provider, in seconds since 1970: the `auth_time` claim. */
  authTime: number
  /** For a personal token: nobody signed in for it. */
  isPersonalToken?: boolean
}

/** What an ID token says beside that. */
export interface IdentityGrant extends SessionGrant {
  nonce: string | null
  email: string | null
  name: string | null
  avatarUrl: string | null
}

/** The user that a grant is made from; a `User` has these members and more. */
type GrantedUser = Pick<IdentityGrant, 'roles' | 'email' | 'name' | 'avatarUrl'> & { id: string }

/** The session that a grant is made from. */
type GrantedSession = Pick<SessionGrant, 'sessionId' | 'clientId' | 'scope'> & { authenticatedAt: Date }

/** The grant of a session that a sign-in has just opened. Later ones come from the query in sessions/repository.ts. */
export function toIdentityGrant (user: GrantedUser, session: GrantedSession): IdentityGrant {
  const { id: userId, roles, email, name, avatarUrl } = user
  const { sessionId, clientId, scope, authenticatedAt } = session
  const authTime = Math.floor(authenticatedAt.getTime() / 1000)
  return { sessionId, userId, clientId, scope, roles, authTime, nonce: null, email, name, avatarUrl }
}
