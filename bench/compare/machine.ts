import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'

export const today = () => new Date().toISOString().slice(0, 10)

export const machine = () => `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), ${process.platform} ${process.arch}`

/** Of Node and of Fastify, and of the peers that take part. */
export function versions (names: string[]): Record<string, string> {
  const npm = (from: string, name: string) => (JSON.parse(readFileSync(join(packageRoot, from, 'node_modules', name, 'package.json'), 'utf8')) as { version: string }).version
  return {
    node: process.versions.node,
    fastify: npm('.', 'fastify'),
    ...names.includes('passport') ? { passport: npm('bench/peers', 'passport'), express: npm('bench/peers', 'express') } : {},
    ...names.includes('better-auth') ? { 'better-auth': npm('bench/peers', 'better-auth') } : {},
    ...names.includes('flask-authlib') ? JSON.parse(execFileSync('/usr/bin/python3', ['-c', PYTHON_VERSIONS], { encoding: 'utf8' })) as Record<string, string> : {}
  }
}

const PYTHON_VERSIONS = `
import importlib.metadata as m, json, platform
print(json.dumps({'Python': platform.python_version(), 'Flask': m.version('flask'), 'Authlib': m.version('authlib')}))`
