import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/package-root.ts'
import type { Footprint } from './figures.ts'

/** The folder of each lock file, and which of its packages count: all of Signet's, the few that each peer imports. */
const INSTALLED: Record<string, { lockedIn: string, packages?: string[] }> = {
  bare: { lockedIn: '.', packages: ['fastify'] },
  limit: { lockedIn: '.', packages: ['fastify', '@fastify/jwt', 'fast-jwt', 'pg'] },
  signet: { lockedIn: '.' },
  passport: {
    lockedIn: 'bench/peers',
    packages: ['passport', 'passport-oauth2', 'express', 'cookie-session', 'jose', 'pg']
  },
  'better-auth': { lockedIn: 'bench/peers', packages: ['better-auth', 'pg'] }
}

const NPM_INSTALL = [
  'install', '--omit=dev', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'
]

interface Manifest { dependencies: Record<string, string>, overrides?: object }

/**
 * Installs each in a folder of its own as for production: without development and optional dependencies and scripts, in
 * the locked versions. Only node_modules counts, not the code that uses it.
 */
export async function measureFootprints (folder: string): Promise<Record<string, Footprint>> {
  const found: Record<string, Footprint> = {}
  for (const [name, { lockedIn, packages }] of Object.entries(INSTALLED)) {
    const manifest = JSON.parse(await readFile(join(packageRoot, lockedIn, 'package.json'), 'utf8')) as Manifest
    const { dependencies, overrides } = manifest
    const wanted = packages ? Object.fromEntries(packages.map((one) => [one, dependencies[one]])) : dependencies
    const target = join(folder, 'install', name)
    await mkdir(target, { recursive: true })
    await cp(join(packageRoot, lockedIn, 'package-lock.json'), join(target, 'package-lock.json'))
    const project = { private: true, dependencies: wanted, ...overrides ? { overrides } : {} }
    await writeFile(join(target, 'package.json'), JSON.stringify(project))
    await promisify(execFile)('npm', NPM_INSTALL, { cwd: target })
    const modules = join(target, 'node_modules')
    const installed = JSON.parse(await readFile(join(modules, '.package-lock.json'), 'utf8')) as { packages: object }
    found[name] = { packages: Object.keys(installed.packages).length, bytes: await sizeOnDisk(modules) }
  }
  return found
}

async function sizeOnDisk (folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  const stats = await Promise.all(files.map(({ parentPath, name }) => stat(join(parentPath, name))))
  return stats.reduce((sum, { blocks }) => sum + blocks * 512, 0)
}
