/** The results of one run of `npm run bench -- scale`. */
export interface ScaleFigures {
  measuredOn: string
  machine: string
  versions: Record<string, string>
  rounds: number
  /** One instance on one core, two on two, and one on two, with PostgreSQL and the client on the same cores. */
  operations: Record<string, { one: Load, two: Load, oneOnTwoCores: Load }>
}

/** Operations a second, and the CPU time of one in the instances, in PostgreSQL and in the client. */
export interface Load { perSecond: number, serverCpuMs: number, databaseCpuMs: number, clientCpuMs: number }

/** Two instances on two cores do at least this many times what one does on one. */
export const SCALE_GOAL = 1.6
