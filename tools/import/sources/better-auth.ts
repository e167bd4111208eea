import { member } from '../../../src/providers/claims.ts'
import { first, idOf, items, time } from '../person.ts'
import { each, type Source } from '../source.ts'
import { usersWithAccounts } from '../users-with-accounts.ts'

/**
 * better-auth: the tables user and account (https://www.better-auth.com/docs/concepts/database#core-schema), with the
 * admin plugin's `role` and `banned` (https://www.better-auth.com/docs/plugins/admin#schema). `emailVerified` is what
 * the provider said, and there is one address for all accounts of a user.
 */
export const betterAuth: Source = {
  id: 'better-auth',
  name: 'better-auth',
  format: 'json',

  query: async (tables) => usersWithAccounts(
    await tables(['"user"', 'users', '"User"']),
    await tables(['account', 'accounts', '"Account"'])
  ),

  people: each((record) => {
    const user = member(record, 'user')
    const email = member(user, 'email')
    const emailVerified = isTrue(first(user, 'emailVerified', 'email_verified'))
    const accounts = items(member(record, 'accounts')).map((account) => ({
      provider: String(first(account, 'providerId', 'provider_id')),
      subject: first(account, 'accountId', 'account_id'),
      email,
      emailVerified,
      claims: microsoftClaims(account)
    }))
    const isPassword = ({ provider }: { provider: string }) => provider === 'credential'
    return {
      id: idOf(member(user, 'id')),
      email,
      emailVerified,
      name: member(user, 'name'),
      avatarUrl: member(user, 'image'),
      createdAt: time(first(user, 'createdAt', 'created_at')),
      isBlocked: isBanned(user),
      otherWays: [
        ...accounts.some(isPassword) ? ['password' as const] : [],
        ...isTrue(first(user, 'isAnonymous', 'is_anonymous')) ? ['anonymous' as const] : []
      ],
      roles: member(user, 'role'),
      identities: accounts.filter((account) => !isPassword(account))
    }
  })
}

function isBanned (user: unknown): boolean {
  const until = time(first(user, 'banExpires', 'ban_expires'))
  return isTrue(member(user, 'banned')) && (until === undefined || until > new Date())
}

/** Since 1.7 an account at Microsoft has its tenant in `issuer`, and the object id instead of `sub`. */
function microsoftClaims (account: unknown): unknown {
  const issuer = String(member(account, 'issuer'))
  const [, tid] = /^https:\/\/login\.microsoftonline\.com\/([\da-f-]{36})\/v2\.0$/.exec(issuer) ?? []
  const [oid] = /^[\da-f-]{36}$/.exec(String(first(account, 'accountId', 'account_id'))) ?? []
  return { tid, oid }
}

/** SQLite and MySQL have no booleans. */
const isTrue = (value: unknown) => value === true || value === 1
