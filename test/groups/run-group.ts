import './without-async-hooks.ts'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, posix } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'

const testFolder = dirname(dirname(fileURLToPath(import.meta.url)))

/** `*.slow.test.ts` and the browser tests run in processes of their own, by `npm run test:slow`. */
const isGrouped = (file: string) => /(?<!\.slow)\.test\.ts$/.test(file) && !/^(browser|groups)\//.test(file)

/** What `npm test` leaves to the slow suite as a whole: what one provider does, what goes wrong there, hosts, tools. */
const SLOW_FOLDERS = /^(embedded|flows\/(provider-events|provider-faults|providers)|tools)\//

/** The calls of a test file on the `t` that it imports. */
const FILE_LEVEL_CALLS = ['test', 'before', 'beforeEach', 'afterEach', 'teardown', 'comment'] as const

/** Stops a file that hangs. Set by `timeout` in package.json, or `--timeout`. */
const fileTimeoutMs = t.options.timeout ?? 0

/**
 * Runs this group's share of the fast test files one after the other in this process, which saves each file the start
 * of a process and of the app's modules. Each file is a subtest, named by its path. New files and groups need no list.
 * What a folder or a file leaves to the slow suite (test/slow.ts) is left out.
 */
export function runGroup (groupUrl: string): void {
  process.env['TEST_SUITE'] = 'fast'
  runFiles(shareOf(groupUrl, groupedFiles().filter((file) => !SLOW_FOLDERS.test(file))))
}

/** Why tests are left out, by file and name. */
export type LeftOut = Record<string, Record<string, string>>

/** Runs test files, named by their path in test/, one after the other. A name in `leftOut` must be that of a test. */
export function runFiles (files: string[], leftOut: LeftOut = {}): void {
  const runSubtest = t.test.bind(t)
  for (const file of files) {
    runSubtest(`test/${file}`, { timeout: fileTimeoutMs, at: null }, async (subtest) => {
      // The time limit of the process starts again with each file.
      if (fileTimeoutMs > 0) t.setTimeout(fileTimeoutMs * 2)
      useAsRoot(subtest)
      const missing = leaveOut(Object.keys(leftOut[file] ?? {}))
      await import(pathToFileURL(join(testFolder, file)).href)
      for (const name of missing) subtest.fail(`This file has no test that is named: ${name}`)
    })
  }
}

/** The test files that run in groups, by their path in test/. */
export function groupedFiles (): string[] {
  return readdirSync(testFolder, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter(isGrouped)
}

/** The files for the group at `groupUrl`. They are dealt out by size, so that the groups take about the same time. */
export function shareOf (groupUrl: string, files: string[]): string[] {
  const path = fileURLToPath(groupUrl)
  const groups = readdirSync(dirname(path)).filter((file) => file.endsWith('.test.ts')).sort()
  const size = (file: string) => statSync(join(testFolder, file)).size
  return files
    .sort((one, other) => size(other) - size(one))
    .filter((_, index) => index % groups.length === groups.indexOf(basename(path)))
    .sort()
}

/** Those of them that leave something, or everything, to the slow suite. */
export const slowFiles = () => groupedFiles().filter((file) => SLOW_FOLDERS.test(file) || isPartlySlow(file))

/** Whether a file imports test/slow.ts, itself or by another file of test/. */
function isPartlySlow (file: string): boolean {
  const seen = new Set([file])
  for (const one of seen) {
    if (one === 'slow.ts') return true
    const source = readFileSync(join(testFolder, one), 'utf8')
    for (const [, path = ''] of source.matchAll(/^(?:import|\}).* from '(\.[^']+\.ts)'/gm)) {
      const imported = posix.join(posix.dirname(one), path)
      if (!imported.startsWith('../')) seen.add(imported)
    }
  }
  return false
}

/** The tests and hooks that a file registers on the imported `t` go to its subtest, and end with the file. */
function useAsRoot (subtest: Test): void {
  for (const name of FILE_LEVEL_CALLS) {
    Object.defineProperty(t, name, { configurable: true, value: subtest[name].bind(subtest) })
  }
}

/** Leaves out the tests of the file that have these names. Returns those that no test has had so far. */
function leaveOut (names: string[]): Set<string> {
  const missing = new Set(names)
  const test = t.test as (name: string, ...others: unknown[]) => unknown
  const value = (name: string, ...others: unknown[]) => missing.delete(name) ? undefined : test(name, ...others)
  Object.defineProperty(t, 'test', { configurable: true, value })
  return missing
}
