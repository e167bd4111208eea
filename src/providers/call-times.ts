import { channel } from 'node:diagnostics_channel'
import type { Step } from './failure.ts'

/** A call to a provider that has ended; with an `error` when it failed. `provider` is its name, as problems tell it. */
export interface CallTime {
  provider: string
  step: Step
  /** By `performance.now()`, in milliseconds. */
  startedAt: number
  endedAt: number
  error: unknown
}

/** Of the whole process: providers are made without knowing who measures them. */
const calls = channel('signet.provider-call')

export async function timed<Result> (provider: string, step: Step, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now()
  const publish = (error?: unknown) => calls.publish({ provider, step, startedAt, endedAt: performance.now(), error } satisfies CallTime)
  try {
    const result = await work()
    publish()
    return result
  } catch (error) {
    publish(error)
    throw error
  }
}

/** Hears of every call from now on, until the function that it returns is called. */
export function onProviderCall (listener: (call: CallTime) => void): () => void {
  const subscriber = (message: unknown) => listener(message as CallTime)
  calls.subscribe(subscriber)
  return () => { calls.unsubscribe(subscriber) }
}
