import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { findAccesses, type Access, type AccessKind } from './find.ts'

export interface DataAccess extends Access {
  file: string
}

/** The folder that builds Prisma on the pool, and the functions whose statements the bench shows to need it. */
export const POOL_PLACES = [
  'src/database/',
  'src/users/repository.ts bySession',
  'src/sessions/repository.ts rotate',
  'src/sessions/repository.ts redeemCode',
  'src/sessions/repository.ts redeemDeviceCode'
]

/** Every access to the database in the files of `src` below a folder, generated files left out. */
export async function readDataAccess (root: string): Promise<DataAccess[]> {
  const names = await readdir(join(root, 'src'), { recursive: true })
  const files = names.filter((name) => name.endsWith('.ts') && !name.includes('generated')).sort()
  const accesses = files.map(async (name) =>
    findAccesses(await readFile(join(root, 'src', name), 'utf8')).map((access) => ({ ...access, file: `src/${name}` }))
  )
  return (await Promise.all(accesses)).flat()
}

export const isAt = ({ file, functionName }: DataAccess, place: string) => `${file} ${functionName}`.startsWith(place)

/** What breaks the rule, a line each: a use of the pool in another place, or a statement without a row type. */
export function findFaults (accesses: DataAccess[]): string[] {
  const fault = ({ file, line }: DataAccess, what: string) => `${file}:${line} ${what}`
  return accesses.flatMap((access) => [
    ...(access.kind === 'pool' && !POOL_PLACES.some((place) => isAt(access, place))
      ? [fault(access, 'uses the pool')]
      : []),
    ...(access.hasRowType || isUnchecked(access) ? [] : [fault(access, 'has no row type')])
  ])
}

/** Statements about connections and migrations return no rows. */
const isUnchecked = (access: DataAccess) => isAt(access, 'src/database/')

const KINDS: AccessKind[] = ['typed', 'raw', 'pool']

/** How often each folder uses each kind. */
export function toTable (accesses: DataAccess[]): Record<string, Record<AccessKind, number>> {
  const folderOf = (file: string) => file.split('/').slice(0, -1).join('/')
  const count = (some: DataAccess[]) => {
    const [typed = 0, raw = 0, pool = 0] = KINDS.map((kind) => some.filter((access) => access.kind === kind).length)
    return { typed, raw, pool }
  }
  const folders = [...new Set(accesses.map(({ file }) => folderOf(file)))].sort()
  const inFolder = (folder: string) => accesses.filter(({ file }) => folderOf(file) === folder)
  const rows = folders.map((folder) => [folder, count(inFolder(folder))])
  return { ...Object.fromEntries(rows), total: count(accesses) }
}
