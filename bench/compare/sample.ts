import type { Client } from './clients.ts'
import type { Cost } from './figures.ts'
import { perform, type Operation } from './operation.ts'
import type { Server } from './servers.ts'

/** Something to measure: a server and how to use it. */
export interface Subject {
  name: string
  /** Starts a fresh process. */
  launch: () => Promise<{ server: Server, client: Client }>
}

/** Milliseconds per operation. */
export interface Sample { cpuMs: number, wallMs: number }

/** Runs an operation `count` times; what its inputs cost is not counted. */
export async function sample (server: Server, operation: Operation, count: number): Promise<Sample> {
  return await perform(operation, count, async (work) => {
    const cpuBefore = await server.cpuMs()
    const beganAt = performance.now()
    await work()
    const wallMs = performance.now() - beganAt
    return { cpuMs: (await server.cpuMs() - cpuBefore) / count, wallMs: wallMs / count }
  })
}

export const noCost = (): Cost => ({ cpuMs: [], wallMs: [] })

export function addSample (cost: Cost, { cpuMs, wallMs }: Sample): void {
  cost.cpuMs.push(cpuMs)
  cost.wallMs.push(wallMs)
}

/** The order alternates: the first of one round is the last of the next. */
export const alternate = <Item>(items: Item[], round: number): Item[] => round % 2 === 0 ? items : items.toReversed()
