import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder of package.json, found upwards so that it is the same from src/ and from dist/. */
export const packageRoot = findUpwards(import.meta.dirname)

export const name = 'signet'

const manifest: Record<'name' | 'version', string> = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))

export const { version } = manifest

/** True in the npm package, and not in a checkout or its build. */
export const isServerPackage = manifest.name === 'signet-server'

function findUpwards (folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findUpwards(dirname(folder))
}
