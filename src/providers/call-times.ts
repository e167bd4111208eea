import { channel } from 'node:diagnostics_channel'
import type { Step } from './failure.ts'

/** A call to a provider that has ended, well or not. `provider` is its name, as problems tell it. */
export interface CallTime { provider: string, step: Step, seconds: number }

/** Of the whole process: providers are made without knowing who measures them. */
const calls = channel('signet.provider-call')

export async function timed<Result> (provider: string, step: Step, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now()
  try {
    return await work()
  } finally {
    calls.publish({ provider, step, seconds: (performance.now() - startedAt) / 1000 } satisfies CallTime)
  }
}

/** Hears of every call from now on, until the function that it returns is called. */
export function onProviderCall (listener: (call: CallTime) => void): () => void {
  const subscriber = (message: unknown) => listener(message as CallTime)
  calls.subscribe(subscriber)
  return () => { calls.unsubscribe(subscriber) }
}
