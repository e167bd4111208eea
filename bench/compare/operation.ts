import { CONCURRENCY } from './http.ts'

/** What a client does at a server. `run` is measured; `prepare` makes its inputs before, unmeasured. */
export interface Operation {
  prepare: (count: number) => Promise<Input[]>
  /** True when an input serves one run. Otherwise up to 100 inputs take turns, as clients use a session many times. */
  isSingleUse?: true
  run: (input: Input) => Promise<void>
}

/** A token, a cookie, a code or a person. A refresh stores the successor of its token here. */
export interface Input { value: string }

const REUSED_INPUTS = 100

type Measure<Result> = (work: () => Promise<void>) => Promise<Result>

/**
 * Runs an operation `count` times, 16 at once, never with one input twice at the same time.
 * `measure` surrounds the runs alone, not their preparation.
 */
export async function perform<Result> (operation: Operation, count: number, measure: Measure<Result>): Promise<Result> {
  const { prepare, isSingleUse, run } = operation
  const inputs = await prepare(isSingleUse ? count : Math.min(REUSED_INPUTS, count))
  return await measure(async () => await repeat(count, async () => {
    const input = inputs.shift() as Input
    await run(input)
    if (!isSingleUse) inputs.push(input)
  }))
}

export async function makeInputs (count: number, make: () => Promise<string>): Promise<Input[]> {
  const made: Input[] = []
  await repeat(count, async () => { made.push({ value: await make() }) })
  return made
}

async function repeat (count: number, work: () => Promise<void>): Promise<void> {
  let left = count
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (left-- > 0) await work()
  }))
}

/** Of 100 requests 80 are session checks, 15 refreshes and 5 logins: one client's operations, shuffled. */
export function mixOf ({ check, refresh, login }: Record<'check' | 'refresh' | 'login', Operation>): Operation {
  const shares: [Operation, number][] = [[check, 80], [refresh, 15], [login, 5]]
  let operationOf = new Map<Input, Operation>()
  return {
    async prepare () {
      operationOf = new Map()
      for (const [operation, share] of shares) {
        for (const input of await operation.prepare(share)) operationOf.set(input, operation)
      }
      const all = [...operationOf.keys()]
      return all.map((_, index) => all[index * 37 % 100] as Input)
    },
    run: async (input) => { await operationOf.get(input)?.run(input) }
  }
}
