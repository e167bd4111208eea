import { parseArgs } from 'node:util'
import {
  createAdminUserRepository,
  type AdminUserRepository,
  type UserChange
} from '../../src/admin/user-repository.ts'
import { email as toEmail } from '../../src/providers/claims.ts'
import { BY_OPERATOR, parse, UsageError, type Command } from './command.ts'

export const grantAdmin: Command = async ([email], { database, say }) => {
  const users = createAdminUserRepository(database)
  const { id, roles } = await holder(users, email)
  await change(users, id, { roles: [...new Set([...roles, 'admin'])] })
  say(`${email} is an administrator.`)
}

export const revokeAdmin: Command = async ([email], { database, say }) => {
  const users = createAdminUserRepository(database)
  const { id, roles } = await holder(users, email)
  await change(users, id, { roles: roles.filter((role) => role !== 'admin') })
  say(`${email} is no administrator.`)
}

export const listAdmins: Command = async (_args, { database, say }) => {
  const admins = await createAdminUserRepository(database).administrators()
  for (const admin of admins) say(lineOf(admin))
  if (admins.length === 0) say('There are no administrators. Make one with: grant <email>')
}

const PAGE = 100

export const listUsers: Command = async (args, { database, say }) => {
  const { values: { query } } = parse(() => parseArgs({ args, options: { query: { type: 'string' } } }))
  const users = createAdminUserRepository(database)
  const filter = query === undefined ? {} : { query }
  let after = { time: new Date('9000-01-01'), id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' }
  let count = 0
  const next = () => users.list(filter, after, PAGE)
  for (let page = await next(); page.length > 0; page = await next()) {
    for (const { roles, status, ...user } of page) {
      say([lineOf(user), ...roles, ...status === 'disabled' ? [status] : []].join('  '))
      after = { time: new Date(user.createdAt), id: user.id }
    }
    count += page.length
  }
  if (count === 0) say(query === undefined ? 'There are no users.' : `No user has "${query}" in the name or email.`)
}

function lineOf ({ id, email, name }: { id: string, email: string | null, name: string | null }): string {
  return `${id}  ${email ?? '(no email)'}  ${name ?? ''}`.trimEnd()
}

export const disableUser: Command = async ([email], { database, say }) => {
  const users = createAdminUserRepository(database)
  await change(users, (await holder(users, email)).id, { status: 'disabled' })
  say(`${email} is disabled, and all sessions have ended.`)
}

export const enableUser: Command = async ([email], { database, say }) => {
  const users = createAdminUserRepository(database)
  await change(users, (await holder(users, email)).id, { status: 'active' })
  say(`${email} may sign in again.`)
}

async function holder (users: AdminUserRepository, email: string | undefined) {
  const address = toEmail(email)
  if (address === null) throw new UsageError('The email is missing or invalid.')
  const user = await users.findByEmail(address)
  if (!user) {
    throw new Error(
      `No user has the email address ${address}. They must sign in once, at a provider that has verified it; ` +
        'or put it into ADMIN_EMAILS before they do.'
    )
  }
  return user
}

async function change (users: AdminUserRepository, userId: string, to: UserChange): Promise<void> {
  if ((await users.change(userId, to, BY_OPERATOR)) === 'last-admin') {
    throw new Error('This is the last administrator. Give the role to another user first.')
  }
}
