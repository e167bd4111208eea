/** What one run of `npm run bench -- scale` has measured. */
export interface ScaleFigures {
  measuredOn: string
  machine: string
  versions: Record<string, string>
  rounds: number
  /** One instance, PostgreSQL and the client on one core; two instances and the same on two; one instance with two. */
  operations: Record<string, { one: Load, two: Load, oneOnTwoCores: Load }>
}

/** Operations a second, and what one costs in the instances, in PostgreSQL and in the client. */
export interface Load { perSecond: number, serverCpuMs: number, databaseCpuMs: number, clientCpuMs: number }

/** Two instances on two cores do at least so many times what one does on one. */
export const SCALE_GOAL = 1.6
