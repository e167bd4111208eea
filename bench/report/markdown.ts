import { COMPARISONS, LOGIN_STATES, median, type Comparison, type Cost, type Figures } from '../compare/figures.ts'
import type { ProviderKind } from '../compare/people.ts'
import { KIND_NAMES, OPERATION_NAMES, STATE_NAMES, byServer, serverName } from './names.ts'
import { SCALE_GOAL, type Load, type ScaleFigures } from './scale-figures.ts'

type Row = (string | number)[]

/** The tables of `npm run bench`. */
export function compareTables (figures: Figures): string {
  return [
    basis(figures),
    comparisonTable(figures),
    loginTable(figures),
    operationTable(figures),
    processTable(figures)
  ].join('\n\n')
}

function comparisonTable (figures: Figures): string {
  const rows = COMPARISONS.map((comparison) => comparisonRow(comparison, figures))
  return table(['Signet\'s ratio', 'held against', 'measured', 'of the rounds', 'beside it', 'goal', 'reached'], rows)
}

function comparisonRow ({ what, against, heldAgainst, atMost, ratios }: Comparison, figures: Figures): Row {
  const { held, beside = [] } = ratios(figures)
  const ratio = median(held)
  const other = heldAgainst === 'wall time' ? 'CPU time' : 'wall time'
  return [
    `${what}, against ${serverName(against)}`,
    heldAgainst,
    ratio.toFixed(2),
    range(held, 2),
    beside.length === 0 ? '' : `${other} ${median(beside).toFixed(2)} (${range(beside, 2)})`,
    atMost === undefined ? '' : `at most ${atMost}`,
    atMost === undefined ? '' : ratio <= atMost ? 'yes' : 'no'
  ]
}

function loginTable ({ logins }: Figures): string {
  const rows = Object.entries(logins).flatMap(([kind, costsOf]) => LOGIN_STATES.flatMap((state) =>
    byServer(costsOf).map(([server, costs]) =>
      [KIND_NAMES[kind as ProviderKind], STATE_NAMES[state], serverName(server), ...costCells(costs[state])])))
  return table(['provider', 'operation', 'server', ...COST_HEAD], rows)
}

function operationTable ({ operations }: Figures): string {
  const rows = Object.entries(operations).flatMap(([operation, costOf]) =>
    byServer(costOf).map(([server, cost]) =>
      [OPERATION_NAMES[operation] ?? operation, serverName(server), ...costCells(cost)]))
  return table(['operation', 'server', ...COST_HEAD], rows)
}

const COST_HEAD = ['server CPU', 'of the rounds', 'wall time, 16 at once', 'of the rounds', 'a second']

function costCells ({ cpuMs, wallMs }: Cost): string[] {
  return [
    `${median(cpuMs).toFixed(3)} ms`, range(cpuMs, 3),
    `${median(wallMs).toFixed(3)} ms`, range(wallMs, 3),
    (1000 / median(wallMs)).toFixed(0)
  ]
}

function processTable ({ starts, idleMemory, loadedMemory, footprint }: Figures): string {
  const rows = byServer(starts).map(([server, { cpuMs, wallMs }]) => {
    const idle = idleMemory[server] ?? []
    return [
      serverName(server),
      `${median(wallMs).toFixed(0)} ms`, range(wallMs, 0), `${median(cpuMs).toFixed(0)} ms`,
      megabytes(median(idle.map(({ resident }) => resident))),
      megabytes(median(idle.map(({ proportional }) => proportional))),
      megabytes(loadedMemory[server]?.resident), footprint[server]?.packages ?? '', megabytes(footprint[server]?.bytes)
    ]
  })
  const head = [
    'server', 'cold start', 'of the starts', 'its CPU', 'memory, idle', 'of it not shared', 'memory, after the load',
    'npm packages', 'on disk'
  ]
  return table(head, rows)
}

/** The table of `npm run bench -- scale`. */
export function scaleTable (figures: ScaleFigures): string {
  const rows = Object.entries(figures.operations).map(([name, { one, two, oneOnTwoCores }]) => {
    const times = two.perSecond / one.perSecond
    return [
      OPERATION_NAMES[name] ?? name, one.perSecond.toFixed(0), two.perSecond.toFixed(0), times.toFixed(2),
      times >= SCALE_GOAL ? 'yes' : 'no',
      `${one.serverCpuMs.toFixed(2)} and ${two.serverCpuMs.toFixed(2)} ms`,
      shares(two),
      oneOnTwoCores.perSecond.toFixed(0)
    ]
  })
  const head = [
    'operation', 'one instance, one core, a second', 'two instances, two cores, a second', 'times',
    `at least ${SCALE_GOAL}`, 'CPU of an operation in Signet: of one and of two',
    'who has the two cores: Signet, PostgreSQL, client', 'one instance, two cores, a second'
  ]
  return [basis(figures), table(head, rows)].join('\n\n')
}

function shares ({ serverCpuMs, databaseCpuMs, clientCpuMs }: Load): string {
  const all = serverCpuMs + databaseCpuMs + clientCpuMs
  return [serverCpuMs, databaseCpuMs, clientCpuMs].map((ms) => `${(ms / all * 100).toFixed(0)} %`).join(', ')
}

type Basis = Pick<Figures, 'measuredOn' | 'machine' | 'versions' | 'rounds'> & { isShort?: boolean }

function basis ({ measuredOn, machine, versions, rounds, isShort = false }: Basis): string {
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')
  return [
    ...isShort ? ['**A short run, for development.**'] : [],
    `Measured on ${measuredOn}, ${machine}.`,
    `Medians of ${rounds} alternating rounds, one run.`,
    `${list}.`
  ].join('\n')
}

const table = (head: string[], rows: Row[]) =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

function range (values: number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`
}

export function megabytes (bytes: number | undefined): string {
  return bytes === undefined ? '' : `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MB`
}

/** Puts `text` between `<!-- name -->` and `<!-- /name -->` and keeps the rest. Throws when a marker is missing. */
export function between (page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${begin} or ${end} is missing.`)
  return `${before}${begin}\n${text}\n${end}${after}`
}
