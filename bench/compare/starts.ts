import { setTimeout as sleep } from 'node:timers/promises'
import type { Extent } from './extent.ts'
import type { Figures } from './figures.ts'
import { addSample, noCost } from './sample.ts'
import type { Server, Start } from './servers.ts'

/** Cold starts, in turns, and idle memory a while after each. The first start creates the tables and does not count. */
export async function measureStarts (
  subjects: [name: string, start: Start][],
  startServer: (start: Start) => Promise<Server>,
  { starts: rounds, settleMs }: Extent
): Promise<Pick<Figures, 'starts' | 'idleMemory'>> {
  const starts: Figures['starts'] = {}
  const idleMemory: Figures['idleMemory'] = {}
  for (let round = 0; round <= rounds; round++) {
    console.log(round === 0 ? 'First starts ...' : `Start ${round} of ${rounds} ...`)
    for (const [name, start] of subjects) {
      const server = await startServer(start)
      if (round > 0) {
        addSample(starts[name] ??= noCost(), server.startedIn)
        await sleep(settleMs)
        ;(idleMemory[name] ??= []).push(await server.memory())
      }
      await server.stop()
    }
  }
  return { starts, idleMemory }
}
