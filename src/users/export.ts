import { Type, type Static } from 'typebox'
import { AuditEventSchema, toOwnAuditEvent } from '../audit/audit-event.ts'
import { NullableText } from '../http/nullable.ts'
import { SessionSchema } from '../sessions/session.ts'
import type { ExportedUser } from './export-repository.ts'
import { PreferencesSchema, type Preferences } from './preferences.ts'
import { AccountSchema, UserSchema } from './user.ts'

const Text = NullableText()
const Time = Type.String({ format: 'date-time' })
const NullableTime = NullableText({ format: 'date-time' })

const { emailVerified: _derived, preferences: _ownMember, accounts: _ownToo, ...USER } = UserSchema.properties
const { current: _ofRequest, device: _derivedToo, ...SESSION } = SessionSchema.properties
const closed = { additionalProperties: false }

/** The response of `GET /me/export`: the columns stored about a user, except secrets. */
export const ExportSchema = Type.Object({
  exportedAt: Time,
  user: Type.Object({
    ...USER,
    editedFields: Type.Array(Type.String(), { description: 'Set by the user: the provider does not overwrite them.' }),
    disabledAt: NullableTime
  }, closed),
  preferences: PreferencesSchema,
  accounts: Type.Array(Type.Object({ ...AccountSchema.properties, issuer: Type.String(), locale: Text }, closed)),
  sessions: Type.Array(Type.Object({
    ...SESSION,
    scope: Type.String(),
    accountId: NullableText({ format: 'uuid', description: 'The account that the user signed in through.' }),
    authenticatedAt: Time,
    idleExpiresAt: Type.String({
      format: 'date-time', description: 'When it ends unless it was used after `lastUsedAt`.'
    }),
    expiresAt: Type.String({ format: 'date-time', description: 'When it ends at the latest.' }),
    revokedAt: NullableTime,
    revocationReason: Text
  }, closed), { description: 'Also those that have ended.' }),
  activity: Type.Array(Type.Object(AuditEventSchema.properties, closed), {
    description: 'What happened to the user, and what the user did to others.'
  })
}, { ...closed, title: 'Export' })

type Export = Static<typeof ExportSchema>

export function toExport ({ preferences, accounts, sessions, events, ...user }: ExportedUser): Export {
  return {
    exportedAt: new Date().toISOString(),
    user: withTextTimes(user),
    preferences: preferences as Preferences,
    accounts: accounts.map(withTextTimes),
    sessions: sessions.map(withTextTimes),
    activity: events.map((event) => toOwnAuditEvent(event, user.id))
  }
}

type WithTextTimes<Row> = {
  [Column in keyof Row]: Exclude<Row[Column], Date> | (Date extends Row[Column] ? string : never)
}

/** A row with its timestamps as RFC 3339 text. */
function withTextTimes<Row extends object> (row: Row): WithTextTimes<Row> {
  const toText = (value: unknown) => value instanceof Date ? value.toISOString() : value
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toText(value)])) as WithTextTimes<Row>
}
