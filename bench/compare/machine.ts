import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'
import { PYTHON } from './peers.ts'

export const today = () => new Date().toISOString().slice(0, 10)

export const machine = () =>
  `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${process.platform} ${process.arch}`

/** The versions of Node and Fastify, and of the peers that take part. */
export function versions (names: string[]): Record<string, string> {
  const peers = 'bench/peers'
  return {
    node: process.versions.node,
    fastify: installedVersion('.', 'fastify'),
    ...names.includes('passport')
      ? { passport: installedVersion(peers, 'passport'), express: installedVersion(peers, 'express') }
      : {},
    ...names.includes('better-auth') ? { 'better-auth': installedVersion(peers, 'better-auth') } : {},
    ...names.includes('flask-authlib')
      ? JSON.parse(execFileSync(PYTHON, ['-c', PYTHON_VERSIONS], { encoding: 'utf8' })) as Record<string, string>
      : {}
  }
}

function installedVersion (folder: string, name: string): string {
  const manifest = readFileSync(join(packageRoot, folder, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

const PYTHON_VERSIONS = `
import importlib.metadata as m, json, platform
print(json.dumps({'Python': platform.python_version(), 'Flask': m.version('flask'), 'Authlib': m.version('authlib')}))`
