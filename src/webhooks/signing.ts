import { randomBytes } from 'node:crypto'
import { Webhook } from 'standardwebhooks'

/** A symmetric secret as in the Standard Webhooks specification, which asks for 24 to 64 random bytes. */
export function newSecret (): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

export function isSecret (text: string): boolean {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? []
  const { length } = Buffer.from(base64 ?? '', 'base64')
  return length >= 24 && length <= 64
}

/** The headers of a message, with one signature for each secret. The timestamp is the time of the attempt. */
export function signedHeaders (id: string, body: string, secrets: string[]): Record<string, string> {
  const at = new Date()
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' ')
  }
}
