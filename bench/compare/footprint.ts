import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../src/package-root.ts'
import type { Footprint } from './figures.ts'

/** Where each is locked, and what of it: the whole of Signet, the few packages that each peer imports. */
const INSTALLED: Record<string, { lockedIn: string, packages?: string[] }> = {
  bare: { lockedIn: '.', packages: ['fastify'] },
  limit: { lockedIn: '.', packages: ['fastify', '@fastify/jwt', 'fast-jwt', 'pg'] },
  signet: { lockedIn: '.' },
  passport: { lockedIn: 'bench/peers', packages: ['passport', 'passport-oauth2', 'express', 'express-session', 'connect-pg-simple', 'pg'] },
  'better-auth': { lockedIn: 'bench/peers', packages: ['better-auth', 'pg'] }
}

interface Manifest { dependencies: Record<string, string>, overrides?: object }

/**
 * Installs each in a folder of its own as for production (no development and no optional dependencies, no scripts), in the
 * versions of the lock file, and looks at what is in node_modules. What is one's own code is not counted.
 */
export async function measureFootprints (folder: string): Promise<Record<string, Footprint>> {
  const found: Record<string, Footprint> = {}
  for (const [name, { lockedIn, packages }] of Object.entries(INSTALLED)) {
    const { dependencies, overrides } = JSON.parse(await readFile(join(packageRoot, lockedIn, 'package.json'), 'utf8')) as Manifest
    const wanted = packages ? Object.fromEntries(packages.map((one) => [one, dependencies[one]])) : dependencies
    const place = join(folder, 'install', name)
    await mkdir(place, { recursive: true })
    await cp(join(packageRoot, lockedIn, 'package-lock.json'), join(place, 'package-lock.json'))
    await writeFile(join(place, 'package.json'), JSON.stringify({ private: true, dependencies: wanted, ...overrides ? { overrides } : {} }))
    await promisify(execFile)('npm', ['install', '--omit=dev', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: place })
    const installed = JSON.parse(await readFile(join(place, 'node_modules/.package-lock.json'), 'utf8')) as { packages: object }
    found[name] = { packages: Object.keys(installed.packages).length, bytes: await sizeOnDisk(join(place, 'node_modules')) }
  }
  return found
}

async function sizeOnDisk (folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(entries.filter((entry) => entry.isFile()).map(async (file) => (await stat(join(file.parentPath, file.name))).blocks * 512))
  return sizes.reduce((sum, size) => sum + size, 0)
}
