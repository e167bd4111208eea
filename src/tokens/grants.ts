import type { SigningAlgorithm } from '../keys/signing-algorithm.ts'
import type { DpopKey } from './dpop-proof.ts'
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
  /** What its access tokens are for; none for TOKEN_AUDIENCE. */
  resources: string[]
  roles: string[]
  /** When the person last signed in at a provider, in seconds since 1970: the `auth_time` claim. */
  authTime: number
  /** The thumbprint of the DPoP key that the access token is bound to; undefined for a bearer token. */
  jkt?: string | undefined
  /** True for a grant of a personal token, which is used without a sign-in. */
  isPersonalToken?: boolean
}

/** What a client's registration and its request say about the tokens of a response. */
export interface IssueOptions {
  /** Signs the ID token; SIGNING_ALG when undefined. */
  idTokenAlgorithm?: SigningAlgorithm | undefined
  /** A part of the granted resources; all when undefined. */
  resources?: string[] | undefined
  /** Binds the tokens. A refresh token that is bound already is valid for its own key only. */
  key?: DpopKey | undefined
  /** Leaves out what belongs to no scope: the user's roles and ID_TOKEN_CLAIMS. */
  isThirdParty?: boolean
}

/** What an ID token says beside that. */
export interface IdentityGrant extends SessionGrant {
  nonce: string | null
  email: string | null
  name: string | null
  avatarUrl: string | null
  /** `preferred_username`; null unless the scope has `openid` and `profile`. */
  username: string | null
  /** Empty where no claim comes from it. */
  metadata: Record<string, unknown>
  /** True for a client that no operator registered. */
  isThirdParty?: boolean
}

/** The user that a grant is made from; a `User` has these members and more. */
type GrantedUser = NamedUser & { id: string } &
  Pick<IdentityGrant, 'roles' | 'email' | 'name' | 'avatarUrl' | 'metadata'>

/** The accounts of a user, oldest first. */
interface NamedUser { accounts: { username: string | null }[] }

/** What the person is called at a provider: `preferred_username`. Null where no account has a name. */
export function usernameOf ({ accounts }: NamedUser): string | null {
  return accounts.find(({ username }) => username !== null)?.username ?? null
}

/** The session that a grant is made from. */
type GrantedSession = Pick<SessionGrant, 'sessionId' | 'clientId' | 'scope' | 'resources'> & { authenticatedAt: Date }

/** The grant of a session that a sign-in has just opened. Later ones come from the query in sessions/repository.ts. */
export function toIdentityGrant (user: GrantedUser, session: GrantedSession): IdentityGrant {
  const { id: userId, roles, email, name, avatarUrl, metadata } = user
  const { sessionId, clientId, scope, resources, authenticatedAt } = session
  const authTime = Math.floor(authenticatedAt.getTime() / 1000)
  return {
    sessionId,
    userId,
    clientId,
    scope,
    resources,
    roles,
    authTime,
    nonce: null,
    email,
    name,
    avatarUrl,
    username: usernameOf(user),
    metadata
  }
}
