import { channel } from 'node:diagnostics_channel'
import type { Step } from './failure.ts'

/** A call to a provider that has ended; with an `error` when there was no answer to be used. `provider` is its name, as problems tell it. */
export interface CallTime {
  provider: string
  step: Step
  /** By `performance.now()`, in milliseconds. */
  startedAt: number
  endedAt: number
  /** Of the answer, where the caller got it as it was. */
  status: number | undefined
  error: unknown
}

/** Of the whole process: providers are made without knowing who measures them. */
const calls = channel('signet.provider-call')

export async function timed<Result> (provider: string, step: Step, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now()
  function publish (status?: number, error?: unknown): void {
    calls.publish({ provider, step, startedAt, endedAt: performance.now(), status, error } satisfies CallTime)
  }
  try {
    const result = await work()
    publish(statusOf(result))
    return result
  } catch (error) {
    publish(undefined, error)
    throw error
  }
}

function statusOf (result: unknown): number | undefined {
  return typeof result === 'object' && result !== null && 'status' in result ? result.status as number : undefined
}

/** Hears of every call from now on, until the function that it returns is called. */
export function onProviderCall (listener: (call: CallTime) => void): () => void {
  const subscriber = (message: unknown) => listener(message as CallTime)
  calls.subscribe(subscriber)
  return () => { calls.unsubscribe(subscriber) }
}
