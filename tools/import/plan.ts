import { hashIdentity, toIdentityText, type AccountIdentity } from '../../src/accounts/identity.ts'
import { avatarUrl, email as toEmail, text } from '../../src/providers/claims.ts'
import { checkMetadata, type Metadata } from '../../src/users/metadata.ts'
import { stableId } from './ids.ts'
import type { Identity, Person } from './person.ts'
import type { ProviderIdentity, UnknownIdentity } from './providers.ts'

/** What the database has of the people of a batch. The plan adds what it decides, so that the next person sees it. */
export interface Facts {
  /** The user of each identity, by its text. */
  owners: Map<string, string>
  /** The user of each address. */
  emailOwners: Map<string, string>
  userIds: Set<string>
  /** A user and an identity that this user unlinked. */
  unlinked: Set<string>
}

export interface ImportOptions {
  /** The id of the source. */
  from: string
  translate: (identity: Identity) => ProviderIdentity | UnknownIdentity
  /** Whether the source's word on a verified address is enough to find the person again at any trusted provider. */
  byEmail: boolean
  /** The names of roles that come along. */
  roles: readonly string[]
  withMetadata: boolean
  now: Date
}

export interface NewUser {
  id: string
  email: string | null
  name: string | null
  avatarUrl: string | null
  roles: string[]
  metadata: Metadata
  disabledAt: Date | null
  createdAt: Date
  updatedAt: Date
  lastLoginAt: Date | null
}

export interface NewAccount extends AccountIdentity {
  id: string
  userId: string
  username: string | null
  email: string | null
  emailVerified: boolean
  name: string | null
  avatarUrl: string | null
  scope: string
  createdAt: Date
  lastLoginAt: Date
}

/** Why a person, an identity or a field stays behind. */
export type Reason =
  | 'no_identity'
  | UnknownIdentity
  | 'identity_taken'
  | 'identity_unlinked'
  | 'email_taken'
  | 'email_not_verified'
  | 'metadata_too_large'

export interface LeftBehind { reason: Reason, detail: string }

export interface PersonPlan {
  outcome: 'create' | 'extend' | 'present' | 'skip'
  user?: NewUser
  accounts: NewAccount[]
  leftBehind: LeftBehind[]
}

interface TranslatedIdentity extends ProviderIdentity {
  identity: Pick<Identity, 'username' | 'email' | 'emailVerified' | 'name' | 'avatarUrl'>
}

/**
 * What becomes of a person: a new user, accounts of a user who came before, or nothing. Never joins a user who is not
 * of this import: that is for a sign-in to decide, by its own rules.
 */
export function planPerson (person: Person, facts: Facts, options: ImportOptions): PersonPlan {
  const userId = stableId(person.createdAt, 'user', options.from, person.id)
  const { translated, leftBehind } = translateAll(person, options)
  const skip = (reason?: LeftBehind): PersonPlan =>
    ({ outcome: 'skip', accounts: [], leftBehind: reason ? [...leftBehind, reason] : leftBehind })

  if (translated.length === 0) {
    if (leftBehind.length > 0) return skip()
    return skip({ reason: 'no_identity', detail: person.otherWays?.join(', ') || 'nothing to sign in with' })
  }
  const taken = translated.find((one) => ![undefined, userId].includes(facts.owners.get(toIdentityText(one))))
  if (taken) return skip({ reason: 'identity_taken', detail: taken.provider })

  const missing = translated.filter((one) => !facts.owners.has(toIdentityText(one)))
  const isKept = (one: AccountIdentity) => !facts.unlinked.has(unlinkedKey(userId, hashIdentity(one)))
  for (const { provider } of missing.filter((one) => !isKept(one))) {
    leftBehind.push({ reason: 'identity_unlinked', detail: provider })
  }
  const accounts = missing.filter(isKept).map((one) => toAccount(one, userId, person, options))
  for (const account of accounts) facts.owners.set(toIdentityText(account), userId)
  if (facts.userIds.has(userId)) {
    return { outcome: accounts.length > 0 ? 'extend' : 'present', accounts, leftBehind }
  }

  const user = toUser(person, userId, accounts, options, leftBehind)
  const owner = user.email === null ? undefined : facts.emailOwners.get(user.email)
  if (owner !== undefined) {
    // Without another way to sign in there would be no way to this user.
    if (accounts.every(isByEmail)) {
      for (const account of accounts) facts.owners.delete(toIdentityText(account))
      return skip({ reason: 'email_taken', detail: '' })
    }
    leftBehind.push({ reason: 'email_taken', detail: '' })
    user.email = null
  }
  facts.userIds.add(userId)
  if (user.email !== null) facts.emailOwners.set(user.email, userId)
  return { outcome: 'create', user, accounts, leftBehind }
}

export const unlinkedKey = (userId: string, hash: Uint8Array) => `${userId} ${Buffer.from(hash).toString('hex')}`

/** The identities of a person that a batch will look for, whatever becomes of them. */
export function identitiesOf (person: Person, options: ImportOptions): AccountIdentity[] {
  return translateAll(person, options).translated
}

/** The addresses that a person may bring. */
export function emailsOf (person: Person): string[] {
  return [person.email, ...person.identities.map(({ email }) => email)]
    .map(toEmail).filter((address) => address !== null)
}

function translateAll (person: Person, options: ImportOptions) {
  const translated = new Map<string, TranslatedIdentity>()
  const leftBehind: LeftBehind[] = []
  for (const identity of person.identities) {
    const found = options.translate(identity)
    if (typeof found === 'string') leftBehind.push({ reason: found, detail: text(identity.provider, 60) ?? '' })
    else translated.set(toIdentityText(found), { ...found, identity })
  }
  // Only an address that the source verified itself: what it took from a provider, that provider must prove again.
  const isOfProvider = person.identities.length > 0 || person.otherWays?.includes('SAML')
  const isVouchedFor = person.emailVerified && !isOfProvider && toEmail(person.email) !== null
  if (options.byEmail && isVouchedFor) {
    const byEmail = { ...byEmailIdentity(options.from, person.id), isEmailTrusted: true, identity: person }
    translated.set(toIdentityText(byEmail), byEmail)
  }
  return { translated: [...translated.values()], leftBehind }
}

/**
 * An account at no provider: nobody signs in by it, it says that the source verified the address. So a later sign-in at
 * a trusted provider with this address, verified, joins the user (src/sign-in/plan.ts, isSamePerson).
 */
const BY_EMAIL = 'imported'
const isByEmail = ({ provider }: AccountIdentity) => provider === BY_EMAIL
const byEmailIdentity = (from: string, id: string) => ({ provider: BY_EMAIL, issuer: from, subject: id.slice(0, 255) })

function toAccount (
  { provider, issuer, subject, isEmailTrusted, identity }: TranslatedIdentity, userId: string, person: Person,
  { now }: ImportOptions
): NewAccount {
  const email = toEmail(identity.email)
  const createdAt = person.createdAt ?? now
  return {
    id: stableId(createdAt, 'account', provider, issuer, subject),
    userId,
    provider,
    issuer,
    subject,
    username: text(identity.username),
    email,
    emailVerified: email !== null && isEmailTrusted && identity.emailVerified === true,
    // The user's fields follow an account for as long as they are what it said.
    name: text(identity.name) ?? text(person.name),
    avatarUrl: avatarUrl(identity.avatarUrl) ?? avatarUrl(person.avatarUrl),
    scope: '',
    createdAt,
    lastLoginAt: person.lastLoginAt ?? createdAt
  }
}

function toUser (
  person: Person, id: string, accounts: NewAccount[], options: ImportOptions, leftBehind: LeftBehind[]
): NewUser {
  const { from, now } = options
  const verified = accounts.filter(({ emailVerified }) => emailVerified).map(({ email }) => email)
  const primary = toEmail(person.email)
  const email = verified.includes(primary) ? primary : verified[0] ?? null
  if (email === null && primary !== null) leftBehind.push({ reason: 'email_not_verified', detail: '' })
  const createdAt = person.createdAt ?? now
  return {
    id,
    email,
    name: accounts[0]?.name ?? null,
    avatarUrl: accounts[0]?.avatarUrl ?? null,
    roles: rolesOf(person.roles, options.roles),
    metadata: { ...metadataOf(person, options, leftBehind), imported: { from, id: person.id } },
    disabledAt: person.isBlocked ? now : null,
    createdAt,
    updatedAt: now,
    lastLoginAt: person.lastLoginAt ?? null
  }
}

/** Of a list, or of a text with commas as better-auth has it. */
function rolesOf (value: unknown, wanted: readonly string[]): string[] {
  const names: unknown[] = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : [value].flat()
  return wanted.filter((role) => names.includes(role))
}

function metadataOf (person: Person, { withMetadata }: ImportOptions, leftBehind: LeftBehind[]): Metadata {
  const { metadata } = person
  if (!withMetadata || typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) return {}
  try {
    checkMetadata({ ...metadata, imported: { from: '', id: person.id } })
    return metadata as Metadata
  } catch {
    leftBehind.push({ reason: 'metadata_too_large', detail: '' })
    return {}
  }
}
