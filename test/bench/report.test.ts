import { readFile } from 'node:fs/promises'
import t from 'tap'
import { COMPARISONS, median, operationsFor, type Cost, type Figures } from '../../bench/compare/figures.ts'
import { chart } from '../../bench/report/chart.ts'
import { between, compareTables, scaleTable } from '../../bench/report/markdown.ts'
import type { ScaleFigures } from '../../bench/report/scale-figures.ts'
import { page, type Measured } from '../../bench/report/write.ts'

const MB = 1024 * 1024
const memory = (megabytes: number) => ({ resident: megabytes * MB, proportional: megabytes * MB / 2 })
/** Twice as fast in one round and twice as slow in another, as a machine may be. */
const cost = (cpuMs: number): Cost => ({ cpuMs: [cpuMs, cpuMs * 2, cpuMs / 2], wallMs: [cpuMs * 2, cpuMs * 3, cpuMs] })
const logins = (cpuMs: number) => ({ cold: cost(cpuMs * 2), warm: cost(cpuMs), signUp: cost(cpuMs) })

const figures: Figures = {
  measuredOn: '2026-01-31',
  machine: '2 cores (<Some & "Processor">)',
  versions: { node: '20.19.0' },
  isShort: false,
  rounds: 3,
  logins: {
    oauth: { signet: logins(1.2), passport: logins(1), 'better-auth': logins(4) },
    openid: { signet: logins(1.36), passport: logins(1), 'better-auth': logins(4) }
  },
  operations: {
    check: { signet: cost(0.27), limit: cost(0.2) },
    refresh: { signet: cost(0.3), limit: cost(0.2) }
  },
  starts: {
    bare: { wallMs: [100, 50, 400], cpuMs: [90, 40, 100] },
    signet: { wallMs: [161, 80, 700], cpuMs: [90, 50, 100] }
  },
  idleMemory: { bare: [memory(50), memory(50)], signet: [memory(60), memory(70)] },
  loadedMemory: { bare: memory(60), signet: memory(90) },
  footprint: { signet: { packages: 200, bytes: 100 * MB }, bare: { packages: 49, bytes: 9.5 * MB } }
}

const load = (perSecond: number) => ({ perSecond, serverCpuMs: 0.5, databaseCpuMs: 0.3, clientCpuMs: 0.2 })
const scaled: ScaleFigures = {
  measuredOn: '2026-01-31',
  machine: '2 cores',
  versions: {},
  rounds: 3,
  operations: {
    check: { one: load(1000), two: load(1600), oneOnTwoCores: load(1500) },
    mix: { one: load(1000), two: load(1590), oneOnTwoCores: load(1500) }
  }
}

t.test('the median of an odd and of an even number of values', async (t) => {
  t.equal(median([10, 1, 2]), 2)
  t.equal(median([10, 1, 2, 4]), 3)
  t.ok(Number.isNaN(median([])))
})

t.test('a sample lasts about as long as asked, within bounds', async (t) => {
  t.equal(operationsFor(2000, 0.5), 4000)
  t.equal(operationsFor(2000, 1000), 100)
  t.equal(operationsFor(2000, 0), 20_000)
})

t.test('a goal is reached at its number and not above; what was not measured is not reached', async (t) => {
  const text = compareTables(figures)
  const row = (...cells: string[]) => t.match(text, `| ${cells.join(' | ')} |`)
  const same = (ratio: string) => [ratio, `${ratio} to ${ratio}`, `wall time ${ratio} (${ratio} to ${ratio})`]
  row('login, OAuth, warm, against passport', 'CPU time', ...same('1.20'), 'at most 1.2', 'yes')
  row('login, OpenID, warm, against passport', 'CPU time', ...same('1.36'), 'at most 1.35', 'no')
  row('login, OAuth, warm, against better-auth', 'CPU time', ...same('0.30'), 'at most 0.35', 'yes')
  row('session check, against its limit', 'CPU time', ...same('1.35'), 'at most 1.35', 'yes')
  row('refresh, against its limit', 'CPU time', ...same('1.50'), 'at most 1.45', 'no')
  row('cold start, against bare Fastify', 'wall time', '1.61', '1.60 to 1.75', 'CPU time 1.00 (1.00 to 1.25)',
    'at most 1.6', 'no')
  row('idle memory, against bare Fastify', 'resident memory', '1.30', '1.20 to 1.40', '', 'at most 1.35', 'yes')
  const unmeasured = compareTables({ ...figures, operations: {} })
  t.match(unmeasured, /\| session check, against its limit \| CPU time \| NaN .*\| at most 1.35 \| no \|/)
})

t.test('cold logins and sign-ups are shown without a goal', async (t) => {
  const ratio = '1.20 | 1.20 to 1.20 | wall time 1.20 (1.20 to 1.20)'
  t.match(compareTables(figures), `| login, OAuth, cold, against passport | CPU time | ${ratio} |  |  |`)
  t.equal(COMPARISONS.filter(({ atMost }) => atMost !== undefined).length, 8)
})

t.test('ratios are formed round by round, so that a slow round does not tip them', async (t) => {
  const slowInOneRound = (ms: number) => ({ ...logins(ms), warm: { cpuMs: [ms, 9 * ms, ms], wallMs: [] } })
  const oauth = { signet: slowInOneRound(1.1), passport: slowInOneRound(1) }
  t.match(compareTables({ ...figures, logins: { ...figures.logins, oauth } }),
    '| login, OAuth, warm, against passport | CPU time | 1.10 | 1.10 to 1.10 |')
})

t.test('the tables show CPU and wall time, each with its range', async (t) => {
  const text = compareTables(figures)
  t.match(text, 'Measured on 2026-01-31, 2 cores (<Some & "Processor">).\nMedians of 3 alternating rounds')
  t.match(text, '| OAuth | login, cold | Signet | 2.400 ms | 1.200 to 4.800 | 4.800 ms | 2.400 to 7.200 | 208 |')
  t.match(text, '| session check | the limit | 0.200 ms | 0.100 to 0.400 | 0.400 ms | 0.200 to 0.600 | 2500 |')
  t.match(text, '| Signet | 161 ms | 80 to 700 | 90 ms | 65 MB | 33 MB | 90 MB | 200 | 100 MB |')
  t.match(text, '| bare Fastify | 100 ms | 50 to 400 | 90 ms | 50 MB | 25 MB | 60 MB | 49 | 9.5 MB |')
})

t.test('a short run says that it is one', async (t) => {
  t.notMatch(compareTables(figures), 'short run')
  t.match(compareTables({ ...figures, isShort: true }), '**A short run, for development.**\nMeasured on')
})

t.test('scaling reaches its goal from 1.6 times on', async (t) => {
  const text = scaleTable(scaled)
  t.match(text, '| session check | 1000 | 1600 | 1.60 | yes | 0.50 and 0.50 ms | 50 %, 30 %, 20 % | 1500 |')
  t.match(text, '| mix | 1000 | 1590 | 1.59 | no |')
})

t.test('text outside the markers stays, and a missing marker is an error', async (t) => {
  t.equal(between('a\n<!-- x -->\nold\n<!-- /x -->\nb\n', 'x', 'new'), 'a\n<!-- x -->\nnew\n<!-- /x -->\nb\n')
  t.throws(() => between('a\n<!-- x -->\nb', 'x', 'new'), /is missing/)
  t.throws(() => between('nothing', 'x', 'new'), /is missing/)
})

t.test('the chart is well formed, says in words what it shows, and loads nothing', async (t) => {
  const svg = chart(figures)
  t.match(svg, /role="img" aria-labelledby="title desc"/)
  t.match(svg, 'Complete login, OpenID: server CPU: Signet 1.36 ms, passport 1.00 ms, better-auth 4.00 ms.')
  t.match(svg, 'prefers-color-scheme: dark')
  t.notMatch(svg, /<script|href=|url\(|NaN|undefined/)
  const open: string[] = []
  for (const [, closing, name, selfClosing] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (closing) t.equal(open.pop(), name)
    else if (!selfClosing) open.push(name as string)
  }
  t.same(open, [])
  const rectangles = svg.matchAll(/<rect class="(?:signet|limit|other)" x="(\d+)" y="\d+" width="([\d.]+)"/g)
  const ends = [...rectangles].map(([, x, width]) => Number(x) + Number(width))
  t.equal(ends.length, 16)
  t.ok(ends.every((end) => end <= 640))
})

t.test('docs/performance.md and the chart show docs/performance.json', async (t) => {
  const docs = new URL('../../docs/', import.meta.url)
  const read = async (type: string) => await readFile(new URL(`performance.${type}`, docs), 'utf8')
  const measured = JSON.parse(await read('json')) as Required<Measured>
  const text = await read('md')
  t.equal(page(text, measured), text)
  t.equal(chart(measured.compare), await read('svg'))
})
