import { channel } from 'node:diagnostics_channel'
import type { Step } from './failure.ts'

/** A call to a provider that has ended. `provider` is the name that people know, as problems name it. */
export interface CallTime {
  provider: string
  step: Step
  /** By `performance.now()`, in milliseconds. */
  startedAt: number
  endedAt: number
  /** Of the answer; undefined where there was none. */
  status: number | undefined
  /** What the call threw where there was no answer. */
  error: unknown
}

/** One channel for the process, so that providers need not know who measures them. */
const calls = channel('signet.provider-call')

export async function timed<Result extends { status: number }> (
  provider: string, step: Step, work: () => Promise<Result>
): Promise<Result> {
  const startedAt = performance.now()
  function publish (status: number | undefined, error: unknown): void {
    calls.publish({ provider, step, startedAt, endedAt: performance.now(), status, error } satisfies CallTime)
  }
  try {
    const result = await work()
    publish(result.status, undefined)
    return result
  } catch (error) {
    publish(undefined, error)
    throw error
  }
}

/** Calls `listener` after every call to a provider, until the function that it returns is called. */
export function onProviderCall (listener: (call: CallTime) => void): () => void {
  const subscriber = (message: unknown) => listener(message as CallTime)
  calls.subscribe(subscriber)
  return () => { calls.unsubscribe(subscriber) }
}
