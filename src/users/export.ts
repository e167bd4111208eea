import { Type, type Static } from 'typebox'
import { AuditEventSchema, toOwnAuditEvent, type AuditEventRow } from '../audit/audit-event.ts'
import { NullableText } from '../http/nullable.ts'
import { SessionSchema } from '../sessions/session.ts'
import type { ExportedSession, ExportedUser } from './export-repository.ts'
import type { Metadata } from './metadata.ts'
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
  accounts: Type.Array(Type.Object({
    ...AccountSchema.properties,
    issuer: Type.String(),
    locale: Text,
    emailDisabledAt: NullableText({
      format: 'date-time', description: 'Since when the provider forwards no mail to the user, by its own report.'
    }),
    disabledByProviderAt: NullableText({
      format: 'date-time', description: 'Since when the account is disabled at the provider, by its own report.'
    })
  }, closed)),
  grants: Type.Array(Type.Object({
    id: Type.String({ format: 'uuid' }),
    clientId: Type.String(),
    clientName: Type.String(),
    clientHost: Text,
    resource: Type.String(),
    scopes: Type.Array(Type.String()),
    createdAt: Time,
    updatedAt: Time
  }, closed), { description: 'What the user allows third-party clients.' }),
  sessions: Type.Array(Type.Object({
    ...SESSION,
    scope: Type.String(),
    resources: Type.Array(Type.String(), { description: 'What its access tokens are for.' }),
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
type Pages<Item> = AsyncIterable<Item[]>

/** The document but its lists of any length, which follow. */
export function toExportHead (
  { preferences, accounts, consents, ...user }: ExportedUser
): Omit<Export, 'sessions' | 'activity'> {
  return {
    exportedAt: new Date().toISOString(),
    user: { ...withTextTimes(user), metadata: user.metadata as Metadata },
    preferences: preferences as Preferences,
    accounts: accounts.map(withTextTimes),
    grants: consents.map(withTextTimes)
  }
}

export function toExportLists (userId: string, sessions: Pages<ExportedSession>, events: Pages<AuditEventRow>) {
  return {
    sessions: mapPages(sessions, withTextTimes),
    activity: mapPages(events, (event) => toOwnAuditEvent(event, userId))
  } satisfies { [List in 'sessions' | 'activity']: Pages<Export[List][number]> }
}

async function * mapPages<Row, Item> (pages: Pages<Row>, toItem: (row: Row) => Item): AsyncGenerator<Item[]> {
  for await (const page of pages) yield page.map(toItem)
}

type WithTextTimes<Row> = {
  [Column in keyof Row]: Exclude<Row[Column], Date> | (Date extends Row[Column] ? string : never)
}

/** A row with its timestamps as RFC 3339 text. */
function withTextTimes<Row extends object> (row: Row): WithTextTimes<Row> {
  const toText = (value: unknown) => value instanceof Date ? value.toISOString() : value
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, toText(value)])) as WithTextTimes<Row>
}
