/**
 * A personal token: `signet_pt_` and base64url(session id | secret). The prefix lets a scanner find one that was
 * published by mistake. The secret has 256 random bits, and the database holds only the hash of it. Unlike a refresh
 * token it does not rotate.
 */
export interface PersonalToken { sessionId: string, secret: Buffer }

const PREFIX = 'signet_pt_'
const ID_BYTES = 16
const SECRET_BYTES = 32
/** 48 bytes are 64 characters without a spare bit: there is one spelling. */
const FORMAT = new RegExp(`^${PREFIX}[A-Za-z0-9_-]{${(ID_BYTES + SECRET_BYTES) / 3 * 4}}$`)

export function encodePersonalToken ({ sessionId, secret }: PersonalToken): string {
  return PREFIX + Buffer.concat([Buffer.from(sessionId.replaceAll('-', ''), 'hex'), secret]).toString('base64url')
}

/** Undefined for a text that is no personal token. */
export function decodePersonalToken (text: string): PersonalToken | undefined {
  if (!FORMAT.test(text)) return undefined
  const bytes = Buffer.from(text.slice(PREFIX.length), 'base64url')
  const hex = bytes.toString('hex', 0, ID_BYTES)
  const sessionId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { sessionId, secret: bytes.subarray(ID_BYTES) }
}
