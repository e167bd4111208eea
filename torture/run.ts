/** `npm run torture`: plays every fault and race on the built service. */
import '../src/logging/quiet-debug.ts'
import { parseArgs } from 'node:util'
import { build } from '../test/built-server.ts'
import { playFault, type Fault, type Result, type Size } from './fault.ts'
import { clientFaults } from './faults/clients.ts'
import { databaseFaults } from './faults/database.ts'
import { failoverFaults } from './faults/failover.ts'
import { keyFaults } from './faults/keys.ts'
import { processFaults } from './faults/processes.ts'
import { providerFaults } from './faults/providers.ts'
import { races } from './faults/races.ts'
import { soakFaults } from './faults/soak.ts'
import { throughPgBouncer } from './faults/pgbouncer.ts'
import { tally } from './numbers.ts'
import { lines, printTable, writeDocument } from './report.ts'
import { startWorld } from './world.ts'

/** The messages of a log's warnings and errors. */
const complaints = (log: string) =>
  [...log.matchAll(/"level":[45]0.*?"msg":"(.*?)"/g)].map(
    ([line, message]) => `${message}: ${/"message":"(.*?)"/.exec(line)?.[1] ?? ''}`
  )

const byNumber = (one: Fault, other: Fault) => one.id.localeCompare(other.id, 'en', { numeric: true })
const faults = [
  ...processFaults,
  ...databaseFaults,
  ...providerFaults,
  ...keyFaults,
  ...clientFaults,
  ...soakFaults
].sort(byNumber)
const all = [...faults, ...races, throughPgBouncer, ...failoverFaults]
const isMeant = (name: string) => ({ id, group }: Fault) => id === name || group === name

const {
  values: { short = false, write = false },
  positionals
} = parseArgs({ options: { short: { type: 'boolean' }, write: { type: 'boolean' } }, allowPositionals: true })
const unknown = positionals.filter((name) => !all.some(isMeant(name)))
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}. Usage: npm run torture [-- [--short] [--write] [ID or group ...]]`)
  for (const { id, title } of all) console.error(`  ${id}: ${title}`)
  process.exit(2)
}
const chosen =
  positionals.length === 0
    ? all.filter(({ wholeOnly }) => !(short && wholeOnly))
    : all.filter((fault) => positionals.some((name) => isMeant(name)(fault)))
const size: Size = { short, pick: (whole, less) => (short ? less : whole) }

build()
const beganAt = performance.now()
const world = await startWorld((line) => console.log(line))
const results: Result[] = []
try {
  for (const fault of chosen) {
    console.log(`\n${fault.id}  ${fault.title} ...`)
    const before = world.instances.map(({ child, output }) => ({ child, length: output().length }))
    const result = await playFault(fault, world, size)
    const ended = await world.mend().catch((error: Error) => [`afterwards no instance starts: ${error.message}`])
    result.broken.push(...ended.map((lastWords) => `a process ended unasked: ${lastWords}`))
    results.push(result)
    if (result.broken.length > 0) {
      const logged = world.instances.map(({ child, output }) => {
        const since = before.find((one) => one.child === child)?.length
        return tally(complaints(output().slice(since)))
      })
      console.log(`    what the instances logged: ${logged.join(' | ')}`)
    }
    for (const line of lines(result)) console.log(`    ${line}`)
  }
} finally {
  await world.close()
}
const seconds = (performance.now() - beganAt) / 1000
printTable(chosen, results, seconds)
if (write) await writeDocument(all, results, seconds, short)
process.exit(results.some(({ broken }) => broken.length > 0) ? 1 : 0)
