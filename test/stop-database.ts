// Runs once, after all tests: stops the embedded PostgreSQL that they shared.
import { startEmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { dropUnusedDatabases, testDataFolder } from './database.ts'

if (process.env['TEST_POSTGRES_URL'] === undefined) {
  await dropUnusedDatabases()
  const postgres = await startEmbeddedPostgres(testDataFolder)
  await postgres.stop()
}
