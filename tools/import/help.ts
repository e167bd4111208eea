import { SOURCES } from './sources.ts'

/** What follows the command. */
export const IMPORT_ARGUMENTS = ' --from <source> [--file <path>] [options]'

export const IMPORT_HELP = `Adds the users of another system and their accounts at providers, so that their
next sign-in at the same provider is the same user. Reads the file (- is standard input; .gz is unpacked), or else the
database of IMPORT_DATABASE_URL. Run it as often as you like: nobody is added twice, and a run that was stopped goes on.
docs/migrate.md has each source.

  --from <source>        ${SOURCES.map(({ id }) => id).join(', ')}
  --dry-run              tell what would come along, and write nothing
  --by-email             also people without an account at a provider, by the address that the source verified: a
                         sign-in at a provider whose word on email is trusted joins them
  --provider <name>=<id> the provider of your settings that the source calls so; may be repeated
  --role <name>          bring this role along; may be repeated. The role admin opens /admin
  --metadata             bring along what the source's operator wrote to a user; the user can read it here
  --report <path>        write what stays behind to this file, a line of JSON each
  --query                print the query that reads the source's database, for psql
  --help`
