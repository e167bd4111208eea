import { member } from '../../../src/providers/claims.ts'
import { first, idOf, items, time } from '../person.ts'
import { each, type Source } from '../source.ts'
import { usersWithAccounts } from '../users-with-accounts.ts'

/**
 * Auth.js (NextAuth) with the Prisma adapter: the tables User and Account, in its spelling or in snake_case
 * (https://authjs.dev/getting-started/adapters/prisma). `emailVerified` is the time of an email link and null after a
 * sign-in at a provider, so most people get their address back only with their next sign-in.
 */
export const authjs: Source = {
  id: 'authjs',
  name: 'Auth.js',
  format: 'json',

  // The Supabase adapter keeps a copy of `next_auth.users` in `public.users`, without the verified addresses.
  query: async (tables) => usersWithAccounts(
    await tables(['next_auth.users', '"User"', 'users', '"user"']),
    await tables(['next_auth.accounts', '"Account"', 'accounts', 'account'])
  ),

  people: each((record) => {
    const user = member(record, 'user')
    const email = member(user, 'email')
    const verifiedAt = time(first(user, 'emailVerified', 'email_verified'))
    return {
      id: idOf(member(user, 'id')),
      email,
      emailVerified: verifiedAt !== undefined,
      name: member(user, 'name'),
      avatarUrl: member(user, 'image'),
      createdAt: time(first(user, 'createdAt', 'created_at')),
      roles: first(user, 'roles', 'role'),
      otherWays: ['email link'],
      identities: items(member(record, 'accounts'))
        .filter((account) => !['email', 'credentials', 'webauthn'].includes(String(member(account, 'type'))))
        .map((account) => ({
          provider: String(member(account, 'provider')),
          subject: first(account, 'providerAccountId', 'provider_account_id'),
          email,
          emailVerified: verifiedAt !== undefined
        }))
    }
  })
}
