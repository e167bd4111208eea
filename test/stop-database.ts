// Runs once, after all tests: the PostgreSQL that they shared goes down.
import { startEmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { testDataFolder } from './database.ts'

const postgres = await startEmbeddedPostgres(testDataFolder)
await postgres.stop()
