// Runs once, after all tests: stops the embedded PostgreSQL that they shared.
import { startEmbeddedPostgres } from '../src/database/embedded-postgres.ts'
import { testDataFolder } from './database.ts'

if (process.env['TEST_POSTGRES_URL'] === undefined) {
  const postgres = await startEmbeddedPostgres(testDataFolder)
  await postgres.stop()
}
