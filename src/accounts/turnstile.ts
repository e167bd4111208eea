/** Lets so many in at once, in all and of each kind; the others wait in line. Throws what `signal` was aborted with while somebody waited. */
export type Turnstile = <Result>(kind: string, signal: AbortSignal, work: () => Promise<Result>) => Promise<Result>

interface Waiting { kind: string, enter: () => void }

export function createTurnstile ({ inAll, each }: { inAll: number, each: number }): Turnstile {
  const inside: string[] = []
  const line = new Set<Waiting>()

  function letIn (): void {
    for (const one of line) {
      if (inside.length >= inAll || inside.filter((kind) => kind === one.kind).length >= each) continue
      line.delete(one)
      inside.push(one.kind)
      one.enter()
    }
  }

  return async (kind, signal, work) => {
    await new Promise<void>((resolve, reject) => {
      const one = { kind, enter: resolve }
      line.add(one)
      signal.addEventListener('abort', () => { if (line.delete(one)) reject(signal.reason) }, { once: true })
      letIn()
    })
    try {
      return await work()
    } finally {
      inside.splice(inside.indexOf(kind), 1)
      letIn()
    }
  }
}
