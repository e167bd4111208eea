export interface Message { type: string, timestamp: Date, data: Record<string, unknown> }

/** The body as the Standard Webhooks specification recommends it: `timestamp` is when it happened. */
export function toBody ({ type, timestamp, data }: Message): string {
  return JSON.stringify({ type, timestamp: timestamp.toISOString(), data })
}
