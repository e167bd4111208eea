import './without-async-hooks.ts'
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'

const groupsFolder = dirname(fileURLToPath(import.meta.url))
const testFolder = dirname(groupsFolder)

/** `*.slow.test.ts` and the browser tests run in processes of their own, by `npm run test:slow`. */
const isFast = (file: string) => /(?<!\.slow)\.test\.ts$/.test(file) && !/^(browser|groups)[/\\]/.test(file)

/** The calls of a test file on the `t` that it imports. */
const FILE_LEVEL_CALLS = ['test', 'before', 'beforeEach', 'afterEach', 'teardown', 'comment'] as const

/** Stops a file that hangs. Set by `timeout` in package.json, or `--timeout`. */
const fileTimeoutMs = t.options.timeout ?? 0

/**
 * Runs this group's share of the fast test files one after the other in this process, which saves each file the start
 * of a process and of the app's modules. Each file is a subtest, named by its path. New files and groups need no list.
 */
export function runGroup (groupUrl: string): void {
  const runSubtest = t.test.bind(t)
  for (const file of filesOf(basename(fileURLToPath(groupUrl)))) {
    runSubtest(`test/${file}`, { timeout: fileTimeoutMs, at: null }, async (subtest) => {
      // The time limit of the process starts again with each file.
      if (fileTimeoutMs > 0) t.setTimeout(fileTimeoutMs * 2)
      useAsRoot(subtest)
      await import(pathToFileURL(join(testFolder, file)).href)
    })
  }
}

/** Deals the files out by size, so that groups take about the same time. */
function filesOf (group: string): string[] {
  const groups = readdirSync(groupsFolder).filter((file) => file.endsWith('.test.ts')).sort()
  const size = (file: string) => statSync(join(testFolder, file)).size
  return readdirSync(testFolder, { recursive: true, encoding: 'utf8' })
    .filter(isFast)
    .map((file) => file.replaceAll('\\', '/'))
    .sort((one, other) => size(other) - size(one))
    .filter((_, index) => index % groups.length === groups.indexOf(group))
    .sort()
}

/** The tests and hooks that a file registers on the imported `t` go to its subtest, and end with the file. */
function useAsRoot (subtest: Test): void {
  for (const name of FILE_LEVEL_CALLS) {
    Object.defineProperty(t, name, { configurable: true, value: subtest[name].bind(subtest) })
  }
}
