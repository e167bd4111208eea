/**
 * `npm run migration -- <name>`: writes the SQL that brings the database from prisma/migrations to
 * prisma/schema.prisma.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../packages/embedded-postgres/src/index.ts'
import { difference, migrate, migrationsDirectory } from '../src/database/migrations.ts'
import { packageRoot } from '../src/package-root.ts'

const name = process.argv[2]
if (!name || !/^[a-z0-9_]+$/.test(name)) {
  console.error('Usage: npm run migration -- <name>, in lower case letters, digits and _')
  process.exit(1)
}

const folder = await mkdtemp(join(tmpdir(), 'signet-migration-'))
const postgres = await startEmbeddedPostgres(folder)
try {
  await migrate(postgres.url)
  const sql = await difference(postgres.url, await readFile(join(packageRoot, 'prisma/schema.prisma'), 'utf8'))
  if (sql === '') {
    console.log('Nothing to write: the migrations build what schema.prisma describes.')
  } else {
    const directory = join(migrationsDirectory, `${new Date().toISOString().replace(/\D/g, '').slice(0, 14)}_${name}`)
    await mkdir(directory)
    await writeFile(join(directory, 'migration.sql'), sql + '\n')
    console.log(`Wrote ${directory}/migration.sql`)
  }
} finally {
  await postgres.stop()
  await rm(folder, { recursive: true, force: true })
}
