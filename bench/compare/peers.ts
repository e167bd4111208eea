import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'

/** Their packages are locked and installed here, apart from Signet's own. */
export const peersFolder = join(packageRoot, 'bench/peers')
export const PYTHON = '/usr/bin/python3'

/** Installs the peers from npm unless they are there in the locked versions. */
export function installPeers (): void {
  const locked = packagesOf('package-lock.json')
  if (locked === packagesOf('node_modules/.package-lock.json')) return
  console.log('Installing the peers ...')
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--silent'], { cwd: peersFolder, stdio: 'inherit' })
}

/** The required packages of a lock file and their versions, as text to compare. */
function packagesOf (lockFile: string): string | undefined {
  try {
    const { packages } = JSON.parse(readFileSync(join(peersFolder, lockFile), 'utf8')) as Lock
    const required = Object.entries(packages).filter(([path, { optional, peer }]) => path !== '' && !optional && !peer)
    return required.map(([path, { version }]) => `${path} ${version}`).sort().join('\n')
  } catch {
    return undefined
  }
}

interface Lock { packages: Record<string, { version: string, optional?: true, peer?: true }> }

export function hasFlask (): boolean {
  const modules = 'import authlib, flask, flask_sqlalchemy, gunicorn, psycopg2, requests'
  const isInstalled = spawnSync(PYTHON, ['-c', modules]).status === 0
  if (!isInstalled) {
    console.log('Flask and Authlib are left out. To include them: apt-get install ' +
      'gunicorn python3-authlib python3-flask-sqlalchemy python3-psycopg2 python3-requests')
  }
  return isInstalled
}
