import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'

export interface Figures {
  node: string
  cores: number
  rounds: number
  /** By operation, then by server. */
  costs: Record<string, Record<string, { cpuMs: number, perSecond: number }>>
  /** Milliseconds, by server. */
  coldStart: Record<string, number>
  /** Bytes, by server. */
  idleMemory: Record<string, number>
  loadedMemory: Record<string, number>
}

/** What Signet wants to reach: at most so many times what another costs. */
const GOALS = [
  { what: 'session check', of: ({ costs }: Figures) => ratio(costs['check'], 'limit'), against: 'its limit', most: 1.5 },
  { what: 'refresh', of: ({ costs }: Figures) => ratio(costs['refresh'], 'limit'), against: 'its limit', most: 1.5 },
  { what: 'login', of: ({ costs }: Figures) => ratio(costs['login'], 'passport'), against: 'passport', most: 1 },
  { what: 'login', of: ({ costs }: Figures) => ratio(costs['login'], 'better-auth'), against: 'better-auth', most: 0.25 },
  { what: 'cold start', of: ({ coldStart }: Figures) => coldStart['signet']! / coldStart['bare']!, against: 'bare Fastify', most: 2 },
  { what: 'idle memory', of: ({ idleMemory }: Figures) => idleMemory['signet']! / idleMemory['bare']!, against: 'bare Fastify', most: 1.4 }
]

const NAMES: Record<string, string> = { check: 'session check', login: 'complete login', refresh: 'refresh', exchange: 'code exchange' }

const ratio = (costs: Record<string, { cpuMs: number }> | undefined, against: string) => (costs?.['signet']?.cpuMs ?? NaN) / (costs?.[against]?.cpuMs ?? NaN)

export function median (values: number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN
}

export function toMarkdown (figures: Figures): string {
  const { node, cores, rounds, costs, coldStart, idleMemory, loadedMemory } = figures
  const operations = Object.entries(costs).flatMap(([operation, byServer]) => Object.entries(byServer).map(([server, { cpuMs, perSecond }]) =>
    `| ${NAMES[operation]} | ${server} | ${cpuMs.toFixed(2)} ms | ${perSecond.toFixed(0)} a second |`))
  const processes = Object.keys(coldStart).map((server) =>
    `| ${server} | ${coldStart[server]!.toFixed(0)} ms | ${megabytes(idleMemory[server])} | ${megabytes(loadedMemory[server])} |`)
  const goals = GOALS.map(({ what, of, against, most }) => {
    const times = of(figures)
    return `| ${what} against ${against} | ${times.toFixed(2)} | at most ${most} | ${times <= most ? 'yes' : 'no'} |`
  })
  return [
    `Node ${node}, ${cores} cores, medians of ${rounds} rounds in turns, all in one run.`,
    '', '| operation | server | server CPU per operation | throughput |', '| --- | --- | --- | --- |', ...operations,
    '', '| server | cold start | memory, idle | memory, after the load |', '| --- | --- | --- | --- |', ...processes,
    '', '| ratio of Signet | measured | goal | reached |', '| --- | --- | --- | --- |', ...goals
  ].join('\n')
}

const megabytes = (bytes: number | undefined) => `${((bytes ?? NaN) / 1024 / 1024).toFixed(0)} MB`

/** Prints the figures; `write` puts them into docs/ too. */
export async function report (figures: Figures, write: boolean): Promise<void> {
  console.log(`\n${toMarkdown(figures)}`)
  if (write) await writeFile(join(packageRoot, 'docs/performance.json'), `${JSON.stringify(figures, null, 2)}\n`)
}
