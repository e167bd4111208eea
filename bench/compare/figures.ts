import type { Memory } from './process.ts'
import type { ProviderKind } from './people.ts'

/** The results of one run of `npm run bench`. Without Debian's Python packages there is no `flask-authlib`. */
export interface Figures {
  /** The day, such as 2026-01-31. */
  measuredOn: string
  machine: string
  versions: Record<string, string>
  /** True for a run with `--short`: fewer operations, so wider ranges. */
  isShort: boolean
  rounds: number
  /** Server by server, as are all that follow. */
  logins: Record<ProviderKind, Record<string, LoginCosts>>
  /** By operation, then by server. */
  operations: Record<string, Record<string, Cost>>
  starts: Record<string, Cost>
  idleMemory: Record<string, Memory[]>
  loadedMemory: Record<string, Memory>
  footprint: Record<string, Footprint>
}

/** Milliseconds per operation, one entry a round; of a start, milliseconds until its first response. */
export interface Cost { cpuMs: number[], wallMs: number[] }

export const LOGIN_STATES = ['cold', 'warm', 'signUp'] as const
/** The first 500 logins of a process, the logins after those, and logins of people who are new. */
export type LoginCosts = Record<typeof LOGIN_STATES[number], Cost>

/** A production install from npm, without optional dependencies. */
export interface Footprint { packages: number, bytes: number }

/** Ratios by round: `held` is what the goal is compared with, `beside` the same in the other unit. */
export interface Ratios { held: number[], beside?: number[] }

export interface Comparison {
  what: string
  against: string
  heldAgainst: 'CPU time' | 'wall time' | 'resident memory'
  /** Signet aims to cost at most this many times as much. Absent: shown without a goal. */
  atMost?: number
  ratios: (figures: Figures) => Ratios
}

const KINDS: { kind: ProviderKind, name: string, mostOfPassport: number }[] = [
  { kind: 'oauth', name: 'OAuth', mostOfPassport: 1.2 },
  { kind: 'openid', name: 'OpenID', mostOfPassport: 1.35 }
]

export const COMPARISONS: Comparison[] = [
  ...KINDS.flatMap(({ kind, name, mostOfPassport }) => [
    login(kind, `login, ${name}, warm`, 'warm', 'passport', mostOfPassport),
    login(kind, `login, ${name}, cold`, 'cold', 'passport'),
    login(kind, `sign-up, ${name}`, 'signUp', 'passport'),
    login(kind, `login, ${name}, warm`, 'warm', 'better-auth', 0.35),
    login(kind, `login, ${name}, cold`, 'cold', 'better-auth')
  ]),
  operation('session check', 'check', 1.35),
  operation('refresh', 'refresh', 1.45),
  {
    what: 'cold start',
    against: 'bare Fastify',
    heldAgainst: 'wall time',
    atMost: 1.6,
    ratios: ({ starts }) => {
      const { cpuMs, wallMs } = costRatios(starts['signet'], starts['bare'])
      return { held: wallMs, beside: cpuMs }
    }
  },
  {
    what: 'idle memory',
    against: 'bare Fastify',
    heldAgainst: 'resident memory',
    atMost: 1.35,
    ratios: ({ idleMemory }) => ({ held: divide(residentOf(idleMemory['signet']), residentOf(idleMemory['bare'])) })
  }
]

function login (
  kind: ProviderKind, what: string, state: keyof LoginCosts, against: string, atMost?: number
): Comparison {
  const ratios = ({ logins: { [kind]: of } }: Figures) => heldInCpu(of['signet']?.[state], of[against]?.[state])
  return { what, against, heldAgainst: 'CPU time', ratios, ...atMost === undefined ? {} : { atMost } }
}

function operation (what: string, name: string, atMost: number): Comparison {
  const ratios = ({ operations: { [name]: of } }: Figures) => heldInCpu(of?.['signet'], of?.['limit'])
  return { what, against: 'its limit', heldAgainst: 'CPU time', atMost, ratios }
}

function heldInCpu (signet: Cost | undefined, other: Cost | undefined): Ratios {
  const { cpuMs, wallMs } = costRatios(signet, other)
  return { held: cpuMs, beside: wallMs }
}

/** Round by round: from one round to the next the machine becomes faster or slower for all alike. */
const costRatios = (signet: Cost | undefined, other: Cost | undefined): Cost => ({
  cpuMs: divide(signet?.cpuMs, other?.cpuMs),
  wallMs: divide(signet?.wallMs, other?.wallMs)
})

const divide = (ones: number[] = [], others: number[] = []) => ones.map((one, round) => one / (others[round] ?? NaN))

const residentOf = (samples: Memory[] = []) => samples.map(({ resident }) => resident)

/** NaN for no values. */
export function median (values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const upper = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[upper] ?? NaN : ((sorted[upper - 1] ?? NaN) + (sorted[upper] ?? NaN)) / 2
}

/** How many operations take about `targetMs` of CPU at the cost seen: from 100, which mean something, to 20,000. */
export function operationsFor (targetMs: number, msPerOperation: number): number {
  return Math.round(Math.min(20_000, Math.max(100, targetMs / Math.max(msPerOperation, 0.01))))
}
