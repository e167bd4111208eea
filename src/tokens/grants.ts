/** A session as the tokens speak of it. */
export interface SessionGrant {
  sessionId: string
  userId: string
  clientId: string
  scope: string
  roles: string[]
  /** When the person last signed in at a provider, in seconds since 1970: the claim of that name. */
  authTime: number
}

/** `client_id` of the direct and cookie modes, where no client registered anything. */
export const OWN_CLIENT_ID = 'signet'

/** A grant with what an ID token may tell of the user. */
export interface IdentityGrant extends SessionGrant {
  nonce: string | null
  email: string | null
  name: string | null
  avatarUrl: string | null
}
