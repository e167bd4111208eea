import type { Extent } from './extent.ts'
import type { Client, OperationName } from './clients.ts'
import { operationsFor, type Cost, type Figures } from './figures.ts'
import { perform, type Operation } from './operation.ts'
import { addSample, alternate, noCost, sample, type Subject } from './sample.ts'
import type { Server } from './servers.ts'

const NAMES: OperationName[] = ['check', 'refresh', 'exchange']
/** Enough to estimate how many operations a sample has. */
const ESTIMATE = 200
/** Before each sample, as a share of it: a server that stood idle while others were measured gets up to speed again. */
const RUN_IN_SHARE = 0.25

/** Operations of warmed processes, all alive: one operation at a time at every server that has it. */
export async function measureOperations (
  subjects: Subject[], extent: Extent
): Promise<Pick<Figures, 'operations' | 'loadedMemory'>> {
  const running: (Awaited<ReturnType<Subject['launch']>> & { name: string })[] = []
  for (const { name, launch } of subjects) running.push({ name, ...await launch() })
  const operations: Figures['operations'] = {}
  for (const name of NAMES) {
    const turns = running.flatMap(({ name: who, server, client }) => turnOf(who, server, client.operations[name]))
    operations[name] = Object.fromEntries(turns.map(({ who, cost }) => [who, cost]))
    for (const turn of turns) turn.msPerOperation = (await sample(turn.server, turn.operation, ESTIMATE)).cpuMs
    // Round 0 warms up.
    for (let round = 0; round <= extent.rounds; round++) {
      console.log(round === 0 ? `Warming up for ${name} ...` : `Round ${round} of ${extent.rounds} of ${name} ...`)
      for (const turn of alternate(turns, round)) {
        const { server, operation, msPerOperation, cost } = turn
        const count = operationsFor(extent.sampleMs, msPerOperation)
        await perform(operation, Math.round(count * RUN_IN_SHARE), async (work) => await work())
        const measured = await sample(server, operation, count)
        turn.msPerOperation = measured.cpuMs
        if (round > 0) addSample(cost, measured)
      }
    }
  }
  const memory = await Promise.all(running.map(async ({ name, server }) => [name, await server.memory()] as const))
  for (const { server } of running) await server.stop()
  return { operations, loadedMemory: Object.fromEntries(memory) }
}

interface Turn { who: string, server: Server, operation: Operation, msPerOperation: number, cost: Cost }

const turnOf = (who: string, server: Server, operation: Client['operations'][OperationName]): Turn[] =>
  operation ? [{ who, server, operation, msPerOperation: NaN, cost: noCost() }] : []
