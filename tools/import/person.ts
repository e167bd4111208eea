import { member, text } from '../../src/providers/claims.ts'

/** A user of another system, as its export describes it. Values are as they came, to be checked by `plan.ts`. */
export interface Person {
  /** The other system's id. */
  id: string
  email?: unknown
  /** True only when the source says that it verified the address. */
  emailVerified: boolean
  name?: unknown
  avatarUrl?: unknown
  createdAt?: Date | undefined
  lastLoginAt?: Date | undefined
  /** Whether the source refuses this person's sign-ins. */
  isBlocked?: boolean
  /** What the source has instead of, or beside, an identity at a provider. Explains why there is none. */
  otherWays?: ('password' | 'phone' | 'anonymous' | 'email link' | 'SAML')[]
  roles?: unknown
  /** Set by the operator of the source, never by the person: claims may come from it. */
  metadata?: unknown
  identities: Identity[]
}

/** A person's account at an identity provider, by the provider's own id of the person. */
export interface Identity {
  /** The provider, as the source calls it. */
  provider: string
  subject: unknown
  username?: unknown
  email?: unknown
  emailVerified?: boolean
  name?: unknown
  avatarUrl?: unknown
  /** What else the provider said: Microsoft's `tid` and `oid`, Slack's team. */
  claims?: unknown
}

/**
 * The time of a Date, an ISO 8601 text (UTC unless it says otherwise) or a number of milliseconds or seconds (also as
 * text). Undefined for anything else.
 */
export function time (value: unknown): Date | undefined {
  const isNumber = typeof value === 'number' || (typeof value === 'string' && /^\d{9,}$/.test(value))
  if (!isNumber && typeof value !== 'string' && !(value instanceof Date)) return undefined
  const isWithoutZone = typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ][\d:.]+$/.test(value)
  const date = new Date(isNumber ? toMilliseconds(Number(value)) : isWithoutZone ? `${value}Z` : value)
  const isUsable = date.getTime() > 0 && date.getTime() < Date.UTC(2100, 0)
  return isUsable ? date : undefined
}

/** A smaller number would be milliseconds of before 1974, when there was none of these systems. */
const toMilliseconds = (number: number) => number < 1e11 ? number * 1000 : number

/** The first of these members that the object has, under whatever spelling an adapter gave it. */
export function first (object: unknown, ...names: string[]): unknown {
  return names.map((name) => member(object, name)).find((value) => value !== undefined && value !== null)
}

/** The items of a list; none for anything else. */
export function items (value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

/** The id of a record as text. Throws when there is none: then the file is no export of this source. */
export function idOf (value: unknown): string {
  const id = typeof value === 'number' ? String(value) : text(value, 255)
  if (id === null) throw new Error('A record has no id: this is not an export of the source that --from names.')
  return id
}
