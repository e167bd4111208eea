import { GOALS, type Figures } from '../compare/figures.ts'
import { SCALE_GOAL, type Load, type ScaleFigures } from './scale-figures.ts'

export const OPERATION_NAMES: Record<string, string> = { check: 'session check', login: 'complete login', refresh: 'refresh', exchange: 'code exchange', mix: 'mix' }

export const SERVER_NAMES: Record<string, string> = {
  bare: 'bare Fastify', limit: 'the limit', signet: 'Signet', passport: 'passport + express-session', 'better-auth': 'better-auth', 'flask-authlib': 'Flask + Authlib'
}

type Row = (string | number)[]

/** The tables of `npm run bench`. */
export function compareTables (figures: Figures): string {
  const { costs, starts, idleMemory, loadedMemory, footprint } = figures
  const goals = GOALS.map(({ what, against, most, of }) => {
    const times = of(figures)
    return [`${what} against ${against}`, times.toFixed(2), `at most ${most}`, times <= most ? 'yes' : 'no']
  })
  const operations = Object.entries(costs).flatMap(([operation, byServer]) => Object.entries(byServer).map(([server, { cpuMs, cpuMsByRound, perSecond }]) => [
    OPERATION_NAMES[operation] ?? operation, SERVER_NAMES[server] ?? server, `${cpuMs.toFixed(3)} ms`,
    `${Math.min(...cpuMsByRound).toFixed(3)} to ${Math.max(...cpuMsByRound).toFixed(3)}`, `${perSecond.toFixed(0)} a second`
  ]))
  const processes = Object.entries(starts).map(([server, { ms, cpuMs }]) => [
    SERVER_NAMES[server] ?? server, `${ms.toFixed(0)} ms`, `${cpuMs.toFixed(0)} ms`, megabytes(idleMemory[server]?.resident), megabytes(idleMemory[server]?.proportional),
    megabytes(loadedMemory[server]?.resident), footprint[server]?.packages ?? '', megabytes(footprint[server]?.bytes)
  ])
  return [
    basis(figures),
    table(['Signet\'s ratio', 'measured', 'goal', 'reached'], goals),
    table(['operation', 'server', 'server CPU per operation', 'of the rounds', 'throughput, 8 at once'], operations),
    table(['server', 'cold start', 'its CPU', 'memory, idle', 'of it not shared', 'memory, after the load', 'npm packages', 'on disk'], processes)
  ].join('\n\n')
}

/** The table of `npm run bench -- scale`. */
export function scaleTable (figures: ScaleFigures): string {
  const rows = Object.entries(figures.operations).map(([name, { one, two, oneOnTwoCores }]) => {
    const times = two.perSecond / one.perSecond
    return [
      OPERATION_NAMES[name] ?? name, one.perSecond.toFixed(0), two.perSecond.toFixed(0), times.toFixed(2), times >= SCALE_GOAL ? 'yes' : 'no',
      `${one.serverCpuMs.toFixed(2)} and ${two.serverCpuMs.toFixed(2)} ms`, shares(two), `${oneOnTwoCores.perSecond.toFixed(0)}`
    ]
  })
  return [
    basis(figures),
    table(['operation', 'one instance, one core, a second', 'two instances, two cores, a second', 'times', `at least ${SCALE_GOAL}`,
      'CPU of an operation in Signet: of one and of two', 'who has the two cores: Signet, PostgreSQL, client', 'one instance, two cores, a second'], rows)
  ].join('\n\n')
}

function shares ({ serverCpuMs, databaseCpuMs, clientCpuMs }: Load): string {
  const all = serverCpuMs + databaseCpuMs + clientCpuMs
  return [serverCpuMs, databaseCpuMs, clientCpuMs].map((ms) => `${(ms / all * 100).toFixed(0)} %`).join(', ')
}

const basis = ({ measuredOn, machine, versions, rounds }: Pick<Figures, 'measuredOn' | 'machine' | 'versions' | 'rounds'>) =>
  `Measured on ${measuredOn}, ${machine}; medians of ${rounds} rounds in turns, one run. ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`

const table = (head: string[], rows: Row[]) => [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')

export const megabytes = (bytes: number | undefined) => bytes === undefined ? '' : `${(bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 1 : 0)} MB`

/** Puts `text` between `<!-- name -->` and `<!-- /name -->`; all else is kept by hand. Throws when a mark is missing. */
export function between (page: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error(`${begin} or ${end} is missing.`)
  return `${before}${begin}\n${text}\n${end}${after}`
}
