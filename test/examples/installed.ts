import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { startWebApp } from '../clients/program.ts'

const run = promisify(execFile)

const MADE = ['node_modules', '.next', '.env.local']

/**
 * A copy of an example with its own dependencies, as its lockfile has them. No package runs a script. Rejects with what
 * npm says when it cannot install them.
 */
export async function installExample (t: Test, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `signet-${name}-`))
  t.teardown(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  await cp(join(packageRoot, 'examples', name), folder, {
    recursive: true, filter: (source) => !MADE.includes(basename(source))
  })
  await run('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], { cwd: folder })
  return folder
}

/** Checks the types of an installed example with the compiler of this repository. Rejects with what it says. */
export async function checkTypes (folder: string): Promise<void> {
  const compiler = join(packageRoot, 'node_modules/typescript/bin/tsc')
  await run(process.execPath, [compiler, '--noEmit', '--project', folder]).catch(({ stdout }) => {
    throw new Error(`${folder} has mistakes:\n${stdout}`)
  })
}

/** Serves an installed example as its `npm run dev` does, on another port. npm itself would leave Vite behind. */
export async function startVite (
  t: Test, folder: string, port: number, environment: Record<string, string>
): Promise<void> {
  const program = [join(folder, 'node_modules/vite/bin/vite.js'), folder, '--strictPort', '--port', String(port)]
  await startWebApp(t, `http://localhost:${port}/`, [process.execPath, ...program], environment)
}
