import type { IncomingHttpHeaders } from 'node:http'
import type { TSchema } from 'typebox'
import type { EventMessage } from './event.ts'

/** One URL that a provider sends events to. */
export interface EventReceiver {
  /** Below the public URL. */
  path: string
  summary: string
  description: string
  contentTypes: string[]
  /** For the OpenAPI document. `read` checks the body, once it knows who sent it. */
  body: TSchema
  maxBytes: number
  /**
   * Verifies a request and returns what it reports; undefined for one that is of no concern here. Throws a Problem:
   * `invalid_event`, or another one when the provider's keys cannot be read, so that the provider tries again.
   */
  read: (body: Buffer, headers: IncomingHttpHeaders) => Promise<EventMessage | undefined>
  /** `accepted`: 202 without content (RFC 8935). `deletion`: the confirmation code, and where to ask. */
  answer: 'ok' | 'accepted' | 'deletion'
}
