import { Type } from 'typebox'
import { NullableText } from '../http/nullable.ts'
import { AuditEventSchema } from '../audit/audit-event.ts'
import { SessionSchema } from '../sessions/session.ts'
import { PreferencesSchema } from './preferences.ts'
import { AccountSchema, UserSchema } from './user.ts'

const Text = NullableText()
const Time = Type.String({ format: 'date-time' })
const NullableTime = NullableText({ format: 'date-time' })

const { emailVerified: _derived, preferences: _beside, accounts: _too, ...USER } = UserSchema.properties
const { current: _ofNow, device: _inWords, ...SESSION } = SessionSchema.properties
const closed = { additionalProperties: false }

/** What `GET /me/export` gives: what the database holds about a user, column by column, without secrets. */
export const ExportSchema = Type.Object({
  exportedAt: Time,
  user: Type.Object({
    ...USER,
    editedFields: Type.Array(Type.String(), { description: 'What the user has set: the provider no longer overwrites it.' }),
    disabledAt: NullableTime
  }, closed),
  preferences: PreferencesSchema,
  accounts: Type.Array(Type.Object({ ...AccountSchema.properties, issuer: Type.String(), locale: Text }, closed)),
  sessions: Type.Array(Type.Object({
    ...SESSION,
    scope: Type.String(),
    counter: Type.Integer({ description: 'How often its refresh token was exchanged.' }),
    rotatedAt: NullableTime,
    authenticatedAt: Time,
    idleExpiresAt: Type.String({ format: 'date-time', description: 'When it ends if it is not used.' }),
    expiresAt: Type.String({ format: 'date-time', description: 'When it ends at the latest.' }),
    revokedAt: NullableTime,
    revocationReason: Text
  }, closed), { description: 'Those that have ended too.' }),
  activity: Type.Array(Type.Object(AuditEventSchema.properties, closed), { description: 'What happened to the user, and what the user did to others.' })
}, { ...closed, title: 'Export' })
