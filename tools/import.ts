/** `npm run import -- --from <source>`: brings users of another system, with their accounts at providers. */
import '../src/logging/quiet-debug.ts'
import { commandLine } from '../src/command-line.ts'
import { UsageError } from './admin/command.ts'
import { IMPORT_ARGUMENTS, IMPORT_HELP } from './import/help.ts'
import { readArguments } from './import/options.ts'
import { importPeople } from './import/run.ts'
import { withSettingsDatabase } from './settings-database.ts'

const USAGE = `Usage: ${commandLine('import')}${IMPORT_ARGUMENTS}\n\n${IMPORT_HELP}`

async function main (args: string[]): Promise<void> {
  if (args.some((arg) => ['--help', '-h', 'help'].includes(arg))) return console.log(USAGE)
  const options = readArguments(args)
  if (options.query) return console.log(await options.source.query!(async ([table]) => table!))
  await withSettingsDatabase((database, settings) => importPeople(options, { database, settings, say: console.log }))
}

main(process.argv.slice(2)).then(() => process.exit(0), (error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(`${error instanceof Error ? error.message : String(error)}${isUsage ? `\n${USAGE}` : ''}`)
  process.exit(isUsage ? 2 : 1)
})
