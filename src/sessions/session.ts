import { Type, type Static } from 'typebox'
import { NullableText } from '../http/nullable.ts'
import { describeDevice } from './device.ts'

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
