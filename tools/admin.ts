/** `npm run admin -- <command>`: an operator's commands on the database of the settings. */
import '../src/logging/quiet-debug.ts'
import { addClient, listClients, removeClient } from './admin/clients.ts'
import { UsageError, type Command } from './admin/command.ts'
import { commandLine } from '../src/command-line.ts'
import { ADMIN_HELP } from './admin/help.ts'
import { rotateKeys } from './admin/keys.ts'
import { disableUser, enableUser, grantAdmin, listAdmins, listUsers, revokeAdmin } from './admin/users.ts'
import { withSettingsDatabase } from './settings-database.ts'

const USAGE = `Usage: ${commandLine('admin')} <command>\n\n${ADMIN_HELP}`

const COMMANDS: Record<string, Command> = {
  grant: grantAdmin,
  revoke: revokeAdmin,
  list: listAdmins,
  'users list': listUsers,
  disable: disableUser,
  enable: enableUser,
  'keys rotate': rotateKeys,
  'clients add': addClient,
  'clients list': listClients,
  'clients remove': removeClient
}

async function main (args: string[]): Promise<void> {
  if (args.some((arg) => ['--help', '-h', 'help'].includes(arg))) return console.log(USAGE)
  const words = Object.hasOwn(COMMANDS, args[0] ?? '') ? 1 : 2
  const name = args.slice(0, words).join(' ')
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!command) throw new UsageError('The command is missing or unknown.')
  await withSettingsDatabase((database, settings) =>
    command(args.slice(words), { database, settings, say: console.log }))
}

main(process.argv.slice(2)).then(() => process.exit(0), (error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(`${error instanceof Error ? error.message : String(error)}${isUsage ? `\n${USAGE}` : ''}`)
  process.exit(isUsage ? 2 : 1)
})
