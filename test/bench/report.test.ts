import { readFile } from 'node:fs/promises'
import t from 'tap'
import { GOALS, median, operationsFor, type Figures } from '../../bench/compare/figures.ts'
import { cpuMs, memoryOf, processTree } from '../../bench/compare/process.ts'
import { mixOf, perform, type Input, type Operation } from '../../bench/compare/clients.ts'
import { chart } from '../../bench/report/chart.ts'
import { between, compareTables, scaleTable } from '../../bench/report/markdown.ts'
import type { ScaleFigures } from '../../bench/report/scale-figures.ts'
import { page, type Measured } from '../../bench/report/write.ts'

const MB = 1024 * 1024
const cost = (cpuMs: number) => ({ cpuMs, perSecond: 1000 / cpuMs, cpuMsByRound: [cpuMs, cpuMs * 2, cpuMs / 2] })
const memory = (megabytes: number) => ({ resident: megabytes * MB, proportional: megabytes * MB / 2 })

const figures: Figures = {
  measuredOn: '2026-01-31',
  machine: '2 cores (<Some & "Processor">)',
  versions: { node: '20.19.0' },
  rounds: 3,
  costs: {
    check: { signet: cost(0.3), limit: cost(0.2) },
    refresh: { signet: cost(0.31), limit: cost(0.2) },
    login: { signet: cost(1), passport: cost(2), 'better-auth': cost(4) }
  },
  starts: { bare: { ms: 100, cpuMs: 90 }, signet: { ms: 201, cpuMs: 150 } },
  idleMemory: { bare: memory(50), signet: memory(60) },
  loadedMemory: { bare: memory(60), signet: memory(90) },
  footprint: { signet: { packages: 200, bytes: 100 * MB }, bare: { packages: 49, bytes: 9.5 * MB } }
}

const load = (perSecond: number) => ({ perSecond, serverCpuMs: 0.5, databaseCpuMs: 0.3, clientCpuMs: 0.2 })
const scaled: ScaleFigures = {
  measuredOn: '2026-01-31',
  machine: '2 cores',
  versions: {},
  rounds: 3,
  operations: { check: { one: load(1000), two: load(1600), oneOnTwoCores: load(1500) }, mix: { one: load(1000), two: load(1590), oneOnTwoCores: load(1500) } }
}

t.test('the median of an odd and of an even number', async (t) => {
  t.equal(median([10, 1, 2]), 2)
  t.equal(median([10, 1, 2, 4]), 3)
  t.ok(Number.isNaN(median([])))
})

t.test('a sample is as long as it was asked to be, within bounds', async (t) => {
  t.equal(operationsFor(2000, { count: 100, spentMs: 50 }), 4000)
  t.equal(operationsFor(2000, { count: 100, spentMs: 100_000 }), 100)
  t.equal(operationsFor(2000, { count: 100, spentMs: 0 }), 20_000)
})

t.test('a goal is reached at its number and not above; one that was not measured is not reached', async (t) => {
  const text = compareTables(figures)
  t.match(text, '| session check against its limit | 1.50 | at most 1.5 | yes |')
  t.match(text, '| refresh against its limit | 1.55 | at most 1.5 | no |')
  t.match(text, '| complete login against passport | 0.50 | at most 1 | yes |')
  t.match(text, '| complete login against better-auth | 0.25 | at most 0.25 | yes |')
  t.match(text, '| cold start against bare Fastify | 2.01 | at most 2 | no |')
  t.match(text, '| idle memory against bare Fastify | 1.20 | at most 1.4 | yes |')
  t.match(compareTables({ ...figures, costs: {} }), '| session check against its limit | NaN | at most 1.5 | no |')
  t.equal(GOALS.length, 6)
})

t.test('the tables say what was measured, with its spread', async (t) => {
  const text = compareTables(figures)
  t.match(text, 'Measured on 2026-01-31, 2 cores (<Some & "Processor">); medians of 3 rounds')
  t.match(text, '| session check | Signet | 0.300 ms | 0.150 to 0.600 | 3333 a second |')
  t.match(text, '| Signet | 201 ms | 150 ms | 60 MB | 30 MB | 90 MB | 200 | 100 MB |')
  t.match(text, '| bare Fastify | 100 ms | 90 ms | 50 MB | 25 MB | 60 MB | 49 | 9.5 MB |')
})

t.test('scaling is reached from 1.6 times on', async (t) => {
  const text = scaleTable(scaled)
  t.match(text, '| session check | 1000 | 1600 | 1.60 | yes | 0.50 and 0.50 ms | 50 %, 30 %, 20 % | 1500 |')
  t.match(text, '| mix | 1000 | 1590 | 1.59 | no |')
})

t.test('what is kept by hand stays, and a missing mark is told', async (t) => {
  t.equal(between('a\n<!-- x -->\nold\n<!-- /x -->\nb\n', 'x', 'new'), 'a\n<!-- x -->\nnew\n<!-- /x -->\nb\n')
  t.throws(() => between('a\n<!-- x -->\nb', 'x', 'new'), /is missing/)
  t.throws(() => between('nothing', 'x', 'new'), /is missing/)
})

t.test('the chart is well formed, says in words what it shows, and needs nothing from elsewhere', async (t) => {
  const svg = chart(figures)
  t.match(svg, /role="img" aria-labelledby="title desc"/)
  t.match(svg, 'Session check: server CPU: Signet 0.30 ms, the limit 0.20 ms.')
  t.match(svg, 'prefers-color-scheme: dark')
  t.notMatch(svg, /<script|href=|url\(|NaN|undefined/)
  const open: string[] = []
  for (const [, closing, name, selfClosing] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (closing) t.equal(open.pop(), name)
    else if (!selfClosing) open.push(name as string)
  }
  t.same(open, [])
  const widths = [...svg.matchAll(/<rect class="(?:signet|limit|other)" x="(\d+)" y="\d+" width="([\d.]+)"/g)].map(([, x, width]) => Number(x) + Number(width))
  t.equal(widths.length, 13)
  t.ok(widths.every((end) => end <= 640))
})

t.test('docs/performance.md and the chart are of docs/performance.json', async (t) => {
  const [json, text, svg] = await Promise.all(['json', 'md', 'svg'].map(async (type) => await readFile(new URL(`../../docs/performance.${type}`, import.meta.url), 'utf8')))
  const measured = JSON.parse(json as string) as Required<Measured>
  t.equal(page(text as string, measured), text)
  t.equal(chart(measured.compare), svg)
})

t.test('an operation runs as often as asked, no input twice at once, one that is spent never again', async (t) => {
  const seen: string[] = []
  const busy = new Set<Input>()
  let isTwiceAtOnce = false
  const operation: Operation = {
    prepare: async (count) => Array.from({ length: count }, (_, index) => ({ value: String(index) })),
    async run (input) {
      isTwiceAtOnce ||= busy.has(input)
      busy.add(input)
      await new Promise((resolve) => setImmediate(resolve))
      busy.delete(input)
      seen.push(input.value)
    }
  }
  await perform(operation, 250, async (work) => await work())
  t.equal(seen.length, 250)
  t.equal(new Set(seen).size, 100)
  seen.length = 0
  await perform({ ...operation, isSpent: true }, 250, async (work) => await work())
  t.equal(new Set(seen).size, 250)
  t.notOk(isTwiceAtOnce)
})

t.test('the mix has eighty checks, fifteen refreshes and five logins in a hundred', async (t) => {
  const counts: Record<string, number> = {}
  const operation = (name: string): Operation => ({
    prepare: async (count) => Array.from({ length: count }, () => ({ value: '' })), run: async () => { counts[name] = (counts[name] ?? 0) + 1 }
  })
  const mix = mixOf({ check: operation('check'), refresh: operation('refresh'), login: operation('login'), exchange: operation('exchange') })
  await perform(mix, 200, async (work) => await work())
  t.same(counts, { check: 160, refresh: 30, login: 10 })
})

t.test('CPU time and memory are those of the process and of what it has started', { skip: process.platform !== 'linux' && 'there is no /proc' }, async (t) => {
  const before = [await cpuMs(process.pid), process.cpuUsage()] as const
  const byGetrusage = () => (process.cpuUsage(before[1]).user + process.cpuUsage(before[1]).system) / 1000
  while (byGetrusage() < 300) Math.sqrt(2)
  const spent = await cpuMs(process.pid) - before[0]
  t.ok(Math.abs(spent - byGetrusage()) < 100, `${spent} ms, and ${byGetrusage()} by getrusage`)
  t.ok((await processTree(process.ppid)).includes(process.pid))
  const { resident, proportional } = await memoryOf(process.pid)
  t.ok(proportional > 10 * MB && resident >= proportional)
})
