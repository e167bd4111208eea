/** `npm run migrate`: applies the migrations that the database of DATABASE_URL lacks, and says how many. */
import '../src/logging/quiet-debug.ts'
import { existsSync } from 'node:fs'
import { migrate } from '../src/database/migrations.ts'
import { readSettings } from '../src/settings.ts'
import { explainFailure } from '../src/start-error.ts'

async function main (): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  const { databaseUrl } = readSettings(process.env)
  if (databaseUrl === undefined) {
    throw new Error('DATABASE_URL is not set. Without it the service makes a database of its own, and migrates that.')
  }
  const applied = await migrate(databaseUrl).catch((error: unknown) => { throw explainFailure(error, databaseUrl) })
  console.log(applied === 0 ? 'The database has all migrations.' : `Migrations applied: ${applied}.`)
}

// The migration engine leaves a timer of ten seconds behind.
main().then(() => process.exit(0), (error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
})
