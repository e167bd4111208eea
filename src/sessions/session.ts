import { Type, type Static } from 'typebox'
import { SESSION_USE, SHOW_USE_AFTER_SECONDS } from '../database/session-use.ts'
import { NullableText } from '../http/nullable.ts'
import { describeDevice } from './device.ts'

const Text = NullableText()
const Time = Type.String({ format: 'date-time' })

const LAST_USED_AT = `The sign-in or the last refresh, which is shown ${SHOW_USE_AFTER_SECONDS} seconds later, if no ` +
  'other one followed until then: an access token must not tell when a refresh token was exchanged.'

export const SessionSchema = Type.Object({
  id: Type.String({ format: 'uuid', description: 'The `sid` claim of its access tokens.' }),
  current: Type.Boolean({ description: 'True for the session of the access token in this request.' }),
  personalToken: NullableText({ description: 'The name of the personal token that this is; null for a sign-in.' }),
  clientId: Type.String(),
  provider: Type.String(),
  device: NullableText({ description: 'A name read from the User-Agent: `Chrome on Windows`.' }),
  ipAddress: Text,
  userAgent: Text,
  createdAt: Time,
  lastUsedAt: Type.String({ format: 'date-time', description: LAST_USED_AT }),
  expiresAt: Type.String({ format: 'date-time', description: 'When it ends unless it was used after `lastUsedAt`.' })
}, { title: 'Session' })

export type Session = Static<typeof SessionSchema>

export const SESSION_SELECT = {
  id: true,
  clientId: true,
  provider: true,
  ipAddress: true,
  userAgent: true,
  ...SESSION_USE
} as const

export interface SessionRow {
  id: string
  personalToken: string | null
  clientId: string
  provider: string
  ipAddress: string | null
  userAgent: string | null
  createdAt: Date
  /** The last use that is shown. */
  lastUsedAt: Date
  /** The end if that was the last use. */
  idleExpiresAt: Date
}

/** A session as its user sees it; `currentId` is the session of the request. */
export function toSession (row: SessionRow, currentId: string): Session {
  return {
    id: row.id,
    current: row.id === currentId,
    personalToken: row.personalToken,
    clientId: row.clientId,
    provider: row.provider,
    device: describeDevice(row.userAgent),
    ipAddress: row.ipAddress,
    userAgent: row.userAgent,
    createdAt: row.createdAt.toISOString(),
    lastUsedAt: row.lastUsedAt.toISOString(),
    expiresAt: row.idleExpiresAt.toISOString()
  }
}
