import {
  createAdminUserRepository, type AdminUserRepository, type UserChange
} from '../../src/admin/user-repository.ts'
import { email as toEmail } from '../../src/providers/claims.ts'
import { BY_OPERATOR, UsageError, type Command } from './command.ts'

export const grantAdmin: Command = async ([email], { database, print }) => {
  const users = createAdminUserRepository(database)
  const { id, roles } = await findByEmail(users, email)
  await change(users, id, { roles: [...new Set([...roles, 'admin'])] })
  print(`${email} is an administrator.`)
}

export const revokeAdmin: Command = async ([email], { database, print }) => {
  const users = createAdminUserRepository(database)
  const { id, roles } = await findByEmail(users, email)
  await change(users, id, { roles: roles.filter((role) => role !== 'admin') })
  print(`${email} is not an administrator any more.`)
}

export const listAdmins: Command = async (_args, { database, print }) => {
  const administrators = await createAdminUserRepository(database).administrators()
  for (const { id, email, name } of administrators) print(`${id}  ${email ?? '(no email)'}  ${name ?? ''}`.trimEnd())
}

export const disableUser: Command = async ([email], { database, print }) => {
  const users = createAdminUserRepository(database)
  await change(users, (await findByEmail(users, email)).id, { status: 'disabled' })
  print(`${email} is disabled, and all sessions have ended.`)
}

export const enableUser: Command = async ([email], { database, print }) => {
  const users = createAdminUserRepository(database)
  await change(users, (await findByEmail(users, email)).id, { status: 'active' })
  print(`${email} may sign in again.`)
}

async function findByEmail (users: AdminUserRepository, email: string | undefined) {
  const address = toEmail(email)
  if (address === null) throw new UsageError('An email address is missing.')
  const user = await users.findByEmail(address)
  if (!user) {
    throw new Error(`No user has the email ${address}. Sign in with it once, at a provider that has verified it, or add ` +
      'it to ADMIN_EMAILS before that.')
  }
  return user
}

async function change (users: AdminUserRepository, userId: string, to: UserChange): Promise<void> {
  if (await users.change(userId, to, BY_OPERATOR) !== 'last-admin') return
  throw new Error('This is the last administrator. Grant the role to another user first.')
}
