// Runs once, after all tests: stops the PostgreSQL that they shared.
import { startEmbeddedPostgres } from '../src/database/embedded-postgres.ts'
import { testDataFolder } from './database.ts'

const postgres = await startEmbeddedPostgres(testDataFolder)
await postgres.stop()
