import { Type, type Static } from 'typebox'
import { NullableText } from '../nullable.ts'
import { describeDevice } from './device.ts'

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

const Text = NullableText()
const Time = Type.String({ format: 'date-time' })

export const SessionSchema = Type.Object({
  id: Type.String({ format: 'uuid', description: 'The `sid` of its access tokens.' }),
  current: Type.Boolean({ description: 'True for the session of the token that asks.' }),
  clientId: Type.String(),
  provider: Type.String(),
  device: NullableText({ description: 'In words, from the User-Agent: `Chrome on Windows`.' }),
  ipAddress: Text,
  userAgent: Text,
  createdAt: Time,
  lastUsedAt: Time,
  expiresAt: Type.String({ format: 'date-time', description: 'When it ends unless it is used before.' })
}, { title: 'Session' })

export type Session = Static<typeof SessionSchema>

export interface SessionRow {
  id: string
  clientId: string
  provider: string
  ipAddress: string | null
  userAgent: string | null
  createdAt: Date
  lastUsedAt: Date
  expiresAt: Date
}

/** A session as its user sees it; `currentId` is the one that asks. */
export function toSession ({ id, clientId, provider, ipAddress, userAgent, createdAt, lastUsedAt, expiresAt }: SessionRow, currentId: string): Session {
  return {
    id,
    current: id === currentId,
    clientId,
    provider,
    device: describeDevice(userAgent),
    ipAddress,
    userAgent,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt.toISOString(),
    expiresAt: expiresAt.toISOString()
  }
}
