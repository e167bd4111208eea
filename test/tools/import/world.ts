import { join } from 'node:path'
import type { Test } from 'tap'
import { readSettings } from '../../../src/settings.ts'
import type { ToolSettings } from '../../../tools/settings-database.ts'
import { readArguments } from '../../../tools/import/options.ts'
import { importPeople } from '../../../tools/import/run.ts'
import { createEmptyDatabase } from '../../database.ts'
import { signedIn } from '../../flows/signed-in.ts'
import { ENCRYPTION_KEYS } from '../../helper.ts'

/** Providers that nobody signs in at in these tests: their accounts are only read back. */
const FURTHER = Object.fromEntries(
  ['GOOGLE', 'FACEBOOK', 'X', 'APPLE', 'MICROSOFT', 'SLACK', 'LINKEDIN', 'BITBUCKET', 'SPOTIFY'].flatMap((prefix) =>
    [[`${prefix}_CLIENT_ID`, 'client'], [`${prefix}_CLIENT_SECRET`, 'client-secret']])
)

/** A running Signet with the providers GitHub and `acme`, and the import into its database. */
export async function importWorld (t: Test, environment: Record<string, string> = {}) {
  const signet = await signedIn(t, environment)
  const { github, acme, database, sql, app } = signet
  const env = {
    ...FURTHER,
    ...github.settings,
    ...acme.settings('acme', { emailTrusted: true }),
    DATABASE_URL: database.url,
    ENCRYPTION_KEYS
  }

  /** Runs the import as the command does, and returns what it prints. */
  async function run (...args: string[]): Promise<string> {
    const lines: string[] = []
    const settings = readSettings(env) as ToolSettings
    await importPeople(readArguments(args), { database: app.database, settings, say: (line) => lines.push(line) })
    return lines.join('\n')
  }

  return {
    ...signet,
    env,
    run,
    /** Imports a file of this content. */
    async runFile (from: string, content: unknown, ...args: string[]): Promise<string> {
      const name = typeof content === 'string' ? 'people.csv' : 'people.json'
      const folder = t.testdir({ [name]: typeof content === 'string' ? content : JSON.stringify(content) })
      return await run('--from', from, '--file', join(folder, name), ...args)
    },
    /** Imports from a database of the source that these statements make. */
    async runDatabase (from: string, statements: string, ...args: string[]): Promise<string> {
      const source = await createEmptyDatabase()
      t.teardown(() => source.giveBack())
      await source.sql.query(statements)
      process.env['IMPORT_DATABASE_URL'] = source.url
      try {
        return await run('--from', from, ...args)
      } finally {
        delete process.env['IMPORT_DATABASE_URL']
      }
    },
    async users () {
      return (await sql.query(`
        SELECT id, email, name, avatar_url, roles, metadata, disabled_at IS NOT NULL AS disabled, created_at,
          last_login_at
        FROM users ORDER BY metadata->'imported'->>'id'`)).rows
    },
    async accounts () {
      return (await sql.query(`
        SELECT u.metadata->'imported'->>'id' AS of, provider, issuer, subject, a.username, a.email, email_verified
        FROM accounts a JOIN users u ON u.id = a.user_id ORDER BY 1, provider, subject`)).rows
    }
  }
}
