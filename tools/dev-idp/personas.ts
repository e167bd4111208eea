/** A person to sign in as. The id is also the `sub` claim and the `login_hint` that skips the page. */
export interface Persona {
  id: string
  name: string
  /** What a developer learns from signing in as this one. */
  lesson: string
  /** Undefined: the provider knows no address. */
  email?: string
  emailVerified?: boolean
  /** `email` stands until the first login only. */
  newEmailEachLogin?: boolean
  /** The login ends in `error=access_denied`. */
  refuses?: boolean
  /** How the token endpoint answers this one's requests: after a delay, or with a 500. */
  tokenEndpoint?: 'slow' | 'breaks'
  /** A refresh token works once. The others keep the one they got. */
  rotatesRefreshTokens?: boolean
  accessTokenSeconds?: number
}

const HOUR = 3600

export const personas: readonly Persona[] = [
  {
    id: 'verified',
    name: 'Verified Vera',
    lesson: 'The ordinary case: a verified email, a name and a picture.',
    email: 'vera@example.com',
    emailVerified: true
  },
  {
    id: 'unverified',
    name: 'Unverified Umberto',
    lesson: 'The email is not verified: it may be shown, and must not be trusted or used to link accounts.',
    email: 'umberto@example.com',
    emailVerified: false
  },
  {
    id: 'impostor',
    name: 'Impostor Ivo',
    lesson: "Claims Vera's address without having verified it: must become a user of his own, and never Vera.",
    email: 'vera@example.com',
    emailVerified: false
  },
  {
    id: 'no-email',
    name: 'No-email Nora',
    lesson: 'The provider gives no email at all: she must still be able to sign in.'
  },
  {
    id: 'changes-email',
    name: 'Changing Charlie',
    lesson: 'The same person with a new verified email at every login: must stay one and the same user.',
    email: 'charlie@example.com',
    emailVerified: true,
    newEmailEachLogin: true
  },
  {
    id: 'rotating',
    name: 'Rotating Rosa',
    lesson:
      'Access tokens live 30 seconds and a refresh token works once (ask for offline_access): refreshing must ' +
        'happen once and be kept.',
    email: 'rosa@example.com',
    emailVerified: true,
    rotatesRefreshTokens: true,
    accessTokenSeconds: 30
  },
  {
    id: 'says-no',
    name: 'Says-no Sam',
    lesson: 'Declines: the login comes back with error=access_denied.',
    refuses: true
  },
  {
    id: 'slow',
    name: 'Slow Sasha',
    lesson: 'The token endpoint takes 8 seconds: your timeout must end the wait, and say so.',
    email: 'sasha@example.com',
    emailVerified: true,
    tokenEndpoint: 'slow'
  },
  {
    id: 'breaks',
    name: 'Broken Bruno',
    lesson: "The token endpoint answers 500: the failure must be the provider's, not yours.",
    email: 'bruno@example.com',
    emailVerified: true,
    tokenEndpoint: 'breaks'
  }
]

export function findPersona (id: unknown): Persona | undefined {
  return personas.find((persona) => persona.id === id)
}

export function accessTokenSeconds (id: string | undefined): number {
  return findPersona(id)?.accessTokenSeconds ?? HOUR
}

/** What the provider knows about a persona, in the standard claims of OpenID Connect Core section 5.1. */
export function claimsOf (persona: Persona, email = persona.email) {
  return {
    sub: persona.id,
    name: persona.name,
    preferred_username: persona.id,
    picture: `https://example.com/pictures/${persona.id}.png`,
    locale: 'en',
    ...(email !== undefined && { email, email_verified: persona.emailVerified ?? false })
  }
}
