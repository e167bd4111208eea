import { ADMIN_HELP } from './admin/help.ts'
import { IMPORT_ARGUMENTS, IMPORT_HELP } from './import/help.ts'

export interface CliCommand {
  name: string
  /** One line, without a full stop. */
  summary: string
  /** What follows the name, with a space before it. */
  usage?: string
  /** The summary by default. */
  help?: string
  /** Loads the command, which runs as it loads. */
  run: () => Promise<unknown>
}

/** The commands of `npx signet`, in the order in which a newcomer needs them. */
export const COMMANDS: CliCommand[] = [
  {
    name: 'demo',
    summary: 'walk through one real login, on a database and an identity provider of its own',
    usage: ' [--serve]',
    help: 'Walks through one real login over HTTP and explains each step. Nothing is left afterwards.\n\n' +
      '  --serve  stay up, to be tried by hand',
    run: () => import('./demo.ts')
  },
  {
    name: 'serve',
    summary: 'the API, on the settings of the environment and of .env',
    help: 'Migrates the database and serves the API until SIGTERM. Outside production, a PostgreSQL and an\n' +
      'encryption key that the settings leave out are made in .data/.',
    run: () => import('../src/server.ts')
  },
  {
    name: 'doctor',
    summary: 'find mistakes in the settings',
    usage: ' [--json]',
    help: 'Finds mistakes in the settings. Ends with 1 when a login would fail.\n\n  --json  for machines',
    run: () => import('./doctor.ts')
  },
  {
    name: 'admin',
    summary: 'administrators, users, signing keys and clients',
    usage: ' <command>',
    help: ADMIN_HELP,
    run: () => import('./admin.ts')
  },
  {
    name: 'import',
    summary: 'bring the users of another system',
    usage: IMPORT_ARGUMENTS,
    help: IMPORT_HELP,
    run: () => import('./import.ts')
  },
  {
    name: 'migrate',
    summary: 'apply the migrations that the database lacks, as a start does',
    help: 'Applies the migrations that the database of DATABASE_URL lacks. A start does so, too: this is for a role\n' +
      'that may change tables when the one of the service may not.',
    run: () => import('./migrate.ts')
  },
  {
    name: 'rekey',
    summary: 'seal everything under the first of the ENCRYPTION_KEYS',
    help: 'Seals everything under the first of the ENCRYPTION_KEYS. Run it after every instance has the new key\n' +
      'first; the API can serve meanwhile.',
    run: () => import('./rekey.ts')
  }
]
