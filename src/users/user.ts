import { Type, type Static } from 'typebox'
import { NullableText } from '../http/nullable.ts'
import { MetadataSchema } from './metadata.ts'
import { PreferencesSchema } from './preferences.ts'

const Text = NullableText()
const Time = Type.String({ format: 'date-time' })

export const AccountSchema = Type.Object({
  id: Type.String({ format: 'uuid' }),
  provider: Type.String(),
  subject: Type.String({ description: "The provider's id of the person." }),
  username: Text,
  email: Text,
  emailVerified: Type.Boolean({ description: 'True if the provider verified the address and is trusted with that.' }),
  name: Text,
  avatarUrl: Text,
  scope: Type.String({ description: 'The scope that the provider granted, separated by spaces.' }),
  createdAt: Time,
  lastLoginAt: Time
}, { title: 'Account' })

export const UserSchema = Type.Object({
  id: Type.String({ format: 'uuid' }),
  email: Text,
  emailVerified: Type.Boolean({ description: 'True if there is an email: an unverified one stays on its account.' }),
  name: Text,
  avatarUrl: Text,
  locale: Text,
  roles: Type.Array(Type.String()),
  preferences: PreferencesSchema,
  metadata: MetadataSchema,
  accounts: Type.Array(AccountSchema),
  createdAt: Time,
  updatedAt: Time,
  lastLoginAt: NullableText({ format: 'date-time' })
}, { title: 'User' })

export type Account = Static<typeof AccountSchema>
export type User = Static<typeof UserSchema>

/** An account as a typed query reads it; more columns may come along. */
export type AccountRow = Omit<Account, 'createdAt' | 'lastLoginAt'> & { createdAt: Date, lastLoginAt: Date }

/** A user as a typed query reads it, with its accounts; more columns may come along. */
export type UserRow = Pick<User, 'id' | 'email' | 'name' | 'avatarUrl' | 'locale' | 'roles'> & {
  preferences: unknown
  metadata: unknown
  accounts: AccountRow[]
  createdAt: Date
  updatedAt: Date
  lastLoginAt: Date | null
}

/** The columns that a response may hold, accounts oldest first, and no others. */
export function toUser (row: UserRow): User {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email !== null,
    name: row.name,
    avatarUrl: row.avatarUrl,
    locale: row.locale,
    roles: row.roles,
    preferences: row.preferences as User['preferences'],
    metadata: row.metadata as User['metadata'],
    accounts: [...row.accounts].sort(byCreation).map(toAccount),
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    lastLoginAt: row.lastLoginAt?.toISOString() ?? null
  }
}

export function toAccount (row: AccountRow): Account {
  return {
    id: row.id,
    provider: row.provider,
    subject: row.subject,
    username: row.username,
    email: row.email,
    emailVerified: row.emailVerified,
    name: row.name,
    avatarUrl: row.avatarUrl,
    scope: row.scope,
    createdAt: row.createdAt.toISOString(),
    lastLoginAt: row.lastLoginAt.toISOString()
  }
}

function byCreation (one: AccountRow, other: AccountRow): number {
  return one.createdAt.getTime() - other.createdAt.getTime() || (one.id < other.id ? -1 : 1)
}
