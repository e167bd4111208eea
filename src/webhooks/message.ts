export interface Message { type: string, timestamp: Date, data: Record<string, unknown> }

/** The body that the Standard Webhooks specification recommends. `timestamp` is the time of the event. */
export function toBody ({ type, timestamp, data }: Message): string {
  return JSON.stringify({ type, timestamp: timestamp.toISOString(), data })
}
