/** What endpoints can be told of. A change of roles or of the status is a `user.updated`. */
export const WEBHOOK_TYPES = ['user.created', 'user.updated', 'user.deleted', 'account.linked', 'account.unlinked', 'session.revoked', 'token.reuse_detected'] as const

export interface Message { type: string, timestamp: Date, data: Record<string, unknown> }

/** The body as the Standard Webhooks specification recommends it: `timestamp` is when it happened. */
export function toBody ({ type, timestamp, data }: Message): string {
  return JSON.stringify({ type, timestamp: timestamp.toISOString(), data })
}
