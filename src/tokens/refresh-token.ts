import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { EncryptionKey } from '../vault/sealing.ts'
import { deriveKey } from '../vault/sealing.ts'

/**
 * A refresh token is derived, not stored: `base64url(session id | counter | secret | HMAC-SHA-256)`. The secret is the
 * session's own (256 random bits) and travels in every token of its chain; the database holds only its hash, so neither
 * a dump of the database nor the server's keys, nor both together, make a token. The HMAC, under a key of the server,
 * lets a forgery be refused before the database is asked. The successor of a token can be computed again by anyone who
 * holds the token and the server key: that is what makes "two tabs, one successor" exact on any instance.
 */
export interface RefreshToken { sessionId: string, counter: number, secret: Buffer }

export interface RefreshTokenCodec {
  encode: (token: RefreshToken) => string
  /** `undefined` for anything that this server did not make. */
  decode: (text: string) => RefreshToken | undefined
}

const BODY_LENGTH = 16 + 4 + 32
const LENGTH = BODY_LENGTH + 32
/** The one spelling that so many bytes have: base64url decoders also take others, which would pass for the same token. */
const SPELLING = new RegExp(`^[A-Za-z0-9_-]{${LENGTH / 3 * 4}}$`)

export function createRefreshTokenCodec (keys: EncryptionKey[]): RefreshTokenCodec {
  const macKeys = keys.map(({ key }) => deriveKey(key, 'refresh-token'))
  const mac = (key: Buffer, body: Buffer) => createHmac('sha256', key).update(body).digest()

  return {
    encode ({ sessionId, counter, secret }) {
      const bytes = Buffer.alloc(LENGTH)
      bytes.write(sessionId.replaceAll('-', ''), 0, 'hex')
      bytes.writeUInt32BE(counter, 16)
      secret.copy(bytes, 20)
      mac(macKeys[0] as Buffer, bytes.subarray(0, BODY_LENGTH)).copy(bytes, BODY_LENGTH)
      return bytes.toString('base64url')
    },

    decode (text) {
      if (!SPELLING.test(text)) return undefined
      const bytes = Buffer.from(text, 'base64url')
      const body = bytes.subarray(0, BODY_LENGTH)
      if (!macKeys.some((key) => timingSafeEqual(mac(key, body), bytes.subarray(BODY_LENGTH)))) return undefined
      return { sessionId: toUuid(body.subarray(0, 16)), counter: body.readUInt32BE(16), secret: Buffer.from(body.subarray(20)) }
    }
  }
}

/** A new session's secret, and the hash that its row keeps. */
export function createHashedSecret (): { secret: Buffer, secretHash: NonSharedBuffer } {
  const secret = randomBytes(32)
  return { secret, secretHash: hashSecret(secret) }
}

export function hashSecret (secret: Buffer): NonSharedBuffer {
  return hash('sha256', secret, 'buffer')
}

function toUuid (bytes: Buffer): string {
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
