import type { Memory } from './process.ts'

/** What one run of `npm run bench` has measured. Without Debian's packages there is no `flask-authlib`. */
export interface Figures {
  /** The day, as 2026-01-31. */
  measuredOn: string
  machine: string
  /** Of what was measured, by name. */
  versions: Record<string, string>
  rounds: number
  /** By operation, then by server. */
  costs: Record<string, Record<string, Cost>>
  /** By server, as are the following. */
  starts: Record<string, StartCost>
  idleMemory: Record<string, Memory>
  loadedMemory: Record<string, Memory>
  footprint: Record<string, Footprint>
}

/** Medians of the rounds, whose own CPU times are kept beside. */
export interface Cost { cpuMs: number, perSecond: number, cpuMsByRound: number[] }

/** From the start of the process to its first answer. */
export interface StartCost { ms: number, cpuMs: number }

/** A production install from npm, without optional dependencies. */
export interface Footprint { packages: number, bytes: number }

export interface Goal { what: string, against: string, most: number, of: (figures: Figures) => number }

/** What Signet wants to reach: at most so many times what another costs. */
export const GOALS: Goal[] = [
  { what: 'session check', against: 'its limit', most: 1.5, of: ({ costs }) => costRatio(costs['check'], 'limit') },
  { what: 'refresh', against: 'its limit', most: 1.5, of: ({ costs }) => costRatio(costs['refresh'], 'limit') },
  { what: 'complete login', against: 'passport', most: 1, of: ({ costs }) => costRatio(costs['login'], 'passport') },
  { what: 'complete login', against: 'better-auth', most: 0.25, of: ({ costs }) => costRatio(costs['login'], 'better-auth') },
  { what: 'cold start', against: 'bare Fastify', most: 2, of: ({ starts }) => ratio(starts, 'bare', ({ ms }) => ms) },
  { what: 'idle memory', against: 'bare Fastify', most: 1.4, of: ({ idleMemory }) => ratio(idleMemory, 'bare', ({ resident }) => resident) }
]

/** The median of the rounds' own ratios: from one round to the next the machine may become faster or slower, for all alike. */
function costRatio (costs: Record<string, Cost> | undefined, against: string): number {
  const [signet, other] = [costs?.['signet'], costs?.[against]].map((cost) => cost?.cpuMsByRound ?? []) as [number[], number[]]
  return median(signet.map((cpuMs, round) => cpuMs / (other[round] ?? NaN)))
}

function ratio<Value> (values: Record<string, Value> | undefined, against: string, of: (value: Value) => number): number {
  const [signet, other] = [values?.['signet'], values?.[against]]
  return signet === undefined || other === undefined ? NaN : of(signet) / of(other)
}

export function median (values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const upper = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[upper] ?? NaN : ((sorted[upper - 1] ?? NaN) + (sorted[upper] ?? NaN)) / 2
}

/** How many operations take about `goalMs` of a server's CPU, when so many have taken `spentMs`: few enough to end, many enough to count. */
export function operationsFor (goalMs: number, { count, spentMs }: { count: number, spentMs: number }): number {
  return Math.round(Math.min(20_000, Math.max(100, goalMs / Math.max(spentMs / count, 0.01))))
}
