import { joinTexts, member } from '../../../src/providers/claims.ts'
import { first, idOf, items, time, type Person } from '../person.ts'
import { each, type Source } from '../source.ts'

/**
 * Clerk (https://clerk.com/docs/guides/development/migrating/export-from-clerk). The CSV of the dashboard names no
 * account at any provider: its people come along by their verified address (`--by-email`), or not at all. The JSON of
 * the Backend API (`GET /v1/users`, or a line for each user) has `external_accounts`
 * (https://clerk.com/docs/reference/backend/types/backend-external-account). `private_metadata` and `unsafe_metadata` stay
 * behind: the first is not for the person to read, the second is written by the person.
 */
export const clerk: Source = {
  id: 'clerk',
  name: 'Clerk',
  format: 'json or csv',
  people: each((user) => member(user, 'primary_email_address') === undefined ? fromJson(user) : fromCsv(user))
}

function fromCsv (row: unknown): Person {
  const email = member(row, 'primary_email_address')
  const verified = String(member(row, 'verified_email_addresses') ?? '').split(/[|,;\s]+/).filter(Boolean)
  return {
    id: idOf(member(row, 'id')),
    email: email === '' ? verified[0] : email,
    emailVerified: email === '' ? verified.length > 0 : verified.includes(String(email)),
    name: nameOf(row),
    createdAt: time(member(row, 'created_at')),
    otherWays: waysOf(member(row, 'password_digest') !== '', member(row, 'primary_phone_number') !== ''),
    identities: []
  }
}

function fromJson (user: unknown): Person {
  const addresses = items(member(user, 'email_addresses'))
  const primary = addresses.find((one) => member(one, 'id') === member(user, 'primary_email_address_id'))
  const address = primary ?? addresses.find(isVerified)
  const metadata = member(user, 'public_metadata')
  return {
    id: idOf(member(user, 'id')),
    email: member(address, 'email_address'),
    emailVerified: isVerified(address),
    name: nameOf(user),
    avatarUrl: member(user, 'image_url'),
    createdAt: time(member(user, 'created_at')),
    lastLoginAt: time(member(user, 'last_sign_in_at')),
    isBlocked: member(user, 'banned') === true,
    otherWays: [
      ...waysOf(member(user, 'password_enabled') === true, items(member(user, 'phone_numbers')).length > 0),
      ...['enterprise_accounts', 'saml_accounts'].some((name) => items(member(user, name)).length > 0)
        ? ['SAML' as const]
        : []
    ],
    roles: member(metadata, 'roles') ?? member(metadata, 'role'),
    metadata,
    identities: items(member(user, 'external_accounts')).filter(isVerified).map((account) => ({
      // Google and Facebook have objects of their own, which once had neither of the two members of the others.
      provider: String(member(account, 'provider') ?? member(account, 'object')).replace(/_account$/, ''),
      subject: first(account, 'provider_user_id', 'google_id', 'facebook_id'),
      username: member(account, 'username'),
      email: member(account, 'email_address'),
      // Clerk marks an address as verified when a provider did, and that of an account is the provider's.
      emailVerified: addresses.some((one) =>
        isVerified(one) && member(one, 'email_address') === member(account, 'email_address')),
      name: nameOf(account),
      avatarUrl: member(account, 'image_url')
    }))
  }
}

function isVerified (object: unknown): boolean {
  return member(member(object, 'verification'), 'status') === 'verified'
}

function nameOf (object: unknown): string | null {
  return joinTexts([member(object, 'first_name'), member(object, 'last_name')])
}

function waysOf (hasPassword: boolean, hasPhone: boolean): NonNullable<Person['otherWays']> {
  return [...hasPassword ? ['password' as const] : [], ...hasPhone ? ['phone' as const] : []]
}
