// A test runner for Stryker that runs the tests of tap in its own process: the modules are loaded once, and a mutant
// costs the tests that reach it. (@stryker-mutator/tap-runner starts a process for each file and mutant: see
// docs/mutation.md.)
import { createHash } from 'node:crypto'
import { appendFile, readFile } from 'node:fs/promises'
import { pathToFileURL } from 'node:url'
import { relative, resolve } from 'node:path'
import { declareClassPlugin, PluginKind, commonTokens, tokens } from '@stryker-mutator/api/plugin'
import {
  determineHitLimitReached,
  DryRunStatus,
  MutantRunStatus,
  TestStatus,
  toMutantRunResult
} from '@stryker-mutator/api/test-runner'
import { register } from 'tsx/esm/api'
import { rememberSchemas } from './remember-schemas.mjs'

/** Races, and what starts processes: they prove what a mutation run does not ask, and cost the most. */
const SLOW = /\b(fifty|hundred|at once, on two|race|two pollers|while the API serves)\b/

const SETUP = 'setup'

/** Which test killed a mutant of which file: a worker that Stryker starts anew goes on where the last one was. */
const KILLS = '.kills'

const namespace = (globalThis.__stryker__ ??= {})

class InProcessTapRunner {
  static inject = tokens(commonTokens.options)
  /** By id: `<file> > <name>`. */
  tests = new Map()
  loaded = new Map()
  kills = new Map()
  durations = new Map()

  constructor ({ inProcessTap: { testFiles, testsPerMutant, sample } }) {
    this.sample = sample
    this.testFiles = testFiles
    this.testsPerMutant = testsPerMutant
  }

  capabilities () {
    return { reloadEnvironment: false }
  }

  async init () {
    // Loaded here only: tap takes over the process, and takes its parent for tap's runner. Stryker takes text only.
    const send = process.send
    process.send = (message, ...rest) => typeof message === 'string' && send.call(process, message, ...rest)
    this.tap = await import('tap')
    this.tap.t.setTimeout(0)
    register()
    rememberSchemas()
    // What a test leaves behind, or a mutant breaks, must not end the process: it fails the test that is running.
    for (const event of ['uncaughtException', 'unhandledRejection']) process.on(event, (error) => this.onStray?.(error))
    // The embedded PostgreSQL is shared; the first process starts it.
    const { startEmbeddedPostgres } = await load('packages/embedded-postgres/src/index.ts')
    const { testDataFolder } = await load('test/database.ts')
    this.postgres = await startEmbeddedPostgres(testDataFolder)
    // Before any test's coverage is looked at: what loading covers is static.
    await load('src/app.ts')
    for (const line of (await readFile(KILLS, 'utf8').catch(() => '')).split('\n')) {
      if (line !== '') this.countKill(...JSON.parse(line))
    }
  }

  async dispose () {
    await this.postgres?.stop()
  }

  async dryRun () {
    for (const file of this.testFiles) await this.loadTests(file)
    const tests = []
    for (const id of this.tests.keys()) tests.push(await this.runTest(id))
    namespace.currentTestId = undefined
    return { status: DryRunStatus.Complete, tests, mutantCoverage: withoutSetup(namespace.mutantCoverage) }
  }

  async mutantRun ({ activeMutant, testFilter, hitLimit, mutantActivation }) {
    if (numberOf(activeMutant) >= this.sample) {
      return { status: MutantRunStatus.Error, errorMessage: 'not in the sample' }
    }
    namespace.hitCount = hitLimit === undefined ? undefined : 0
    namespace.hitLimit = hitLimit
    if (mutantActivation === 'static') namespace.activeMutant = activeMutant.id
    for (const file of testFilter ? new Set(testFilter.map(fileOf)) : this.testFiles) await this.loadTests(file)
    namespace.activeMutant = activeMutant.id
    const source = relative(process.cwd(), activeMutant.fileName).replace(/^.*sandbox[^/]*\//, '')
    const tests = []
    let hitLimitReached
    for (const id of this.inOrder(source, testFilter ?? [...this.tests.keys()])) {
      const result = await this.runTest(id)
      hitLimitReached = determineHitLimitReached(namespace.hitCount, namespace.hitLimit)
      tests.push(result)
      if (hitLimitReached) break
      if (result.status !== TestStatus.Failed) continue
      this.countKill(source, id)
      await appendFile(KILLS, `${JSON.stringify([source, id])}\n`)
      break
    }
    namespace.activeMutant = undefined
    return hitLimitReached ?? toMutantRunResult({ status: DryRunStatus.Complete, tests })
  }

  countKill (source, id) {
    const counts = this.kills.get(source) ?? new Map()
    counts.set(id, (counts.get(id) ?? 0) + 1)
    this.kills.set(source, counts)
  }

  /** First those that have killed the most in this file, then the quick ones. */
  inOrder (source, ids) {
    const kills = (id) => this.kills.get(source)?.get(id) ?? 0
    const duration = (id) => this.durations.get(id) ?? 0
    return ids.toSorted((a, b) => kills(b) - kills(a) || duration(a) - duration(b)).slice(0, this.testsPerMutant)
  }

  /** Notes the tests of a file instead of running them. */
  loadTests (file) {
    if (!this.loaded.has(file)) this.loaded.set(file, this.noteTests(file))
    return this.loaded.get(file)
  }

  async noteTests (file) {
    const { t } = this.tap
    const hooks = { beforeEach: [], afterEach: [] }
    t.test = (name, ...rest) => {
      if (SLOW.test(name)) return
      const work = rest.at(-1)
      let id = `${file} > ${name}`
      while (this.tests.has(id)) id += "'"
      this.tests.set(id, { name, work, options: rest.length > 1 ? rest[0] : {}, hooks })
    }
    for (const [name, works] of Object.entries(hooks)) t[name] = (work) => works.push(work)
    const befores = []
    t.before = (work) => befores.push(work)
    t.teardown = () => {}
    // What a file's tests share is made without a mutant, and is not what its tests cover.
    namespace.currentTestId = SETUP
    await load(file)
    for (const work of befores) await work()
  }

  async runTest (id) {
    const { name, work, options, hooks } = this.tests.get(id)
    namespace.currentTestId = id
    const startedAt = Date.now()
    const parent = new this.tap.Test({ name })
    parent.resume()
    for (const [name, works] of Object.entries(hooks)) works.forEach((work) => parent[name](work))
    const stray = new Promise((resolve) => {
      this.onStray = (error) => resolve({ ok: false, failures: [{ name: `stray: ${error?.message}` }] })
    })
    const done = new Promise((resolve) => {
      parent.runMain(() => resolve(parent.results))
      // To its end, even when it fails early: what goes on behind a bail-out would disturb the next.
      parent.test(name, { ...options, timeout: 0 }, work)
      parent.end()
    })
    const { ok, skip, failures } = await Promise.race([done, stray])
    this.onStray = undefined
    const timeSpentMs = Date.now() - startedAt
    if (!this.durations.has(id)) this.durations.set(id, timeSpentMs)
    const result = { id, name: id, timeSpentMs, fileName: fileOf(id) }
    if (ok) return { ...result, status: skip ? TestStatus.Skipped : TestStatus.Success }
    return {
      ...result,
      status: TestStatus.Failed,
      failureMessage: failures?.map(({ fullname, name }) => fullname ?? name).join(', ') || 'failed'
    }
  }
}

/** A number from 0 to 1 for a mutant, the same each time: it chooses a sample. */
function numberOf ({ fileName, location: { start, end }, mutatorName, replacement }) {
  const name = JSON.stringify([fileName.split('/').at(-1), start, end, mutatorName, replacement])
  return createHash('sha256').update(name).digest().readUInt32BE() / 2 ** 32
}

/** What only loading a file or its `t.before` reached is as static as what loading the app did. */
function withoutSetup ({ static: loaded, perTest: { [SETUP]: setup = {}, ...perTest } }) {
  const reached = new Set(Object.values(perTest).flatMap(Object.keys))
  const alone = Object.entries(setup).filter(([mutant]) => !reached.has(mutant))
  return { static: { ...loaded, ...Object.fromEntries(alone) }, perTest }
}

const fileOf = (id) => id.slice(0, id.indexOf(' > '))
const load = (file) => import(pathToFileURL(resolve(file)).href)

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'in-process-tap', InProcessTapRunner)]
