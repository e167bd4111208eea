import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { deriveKey, type EncryptionKey } from '../vault/sealing.ts'

/**
 * A refresh token is derived, not stored: `base64url(session id | counter | secret | HMAC-SHA-256)`. All tokens of a
 * session share its secret of 256 random bits, and the database holds only the hash of it: neither a database dump nor
 * the server's keys, nor both together, make a token. The HMAC under a key of the server exposes a forgery before the
 * database is queried. Any instance that has a token and the server's key computes the same successor, so that two
 * tabs which refresh at once get one and the same token (docs/adr/0005-refresh-tokens.md).
 */
export interface RefreshToken { sessionId: string, counter: number, secret: Buffer }

export interface RefreshTokenCodec {
  encode: (token: RefreshToken) => string
  /** Undefined for a text that this server did not encode. */
  decode: (text: string) => RefreshToken | undefined
}

const BODY_LENGTH = 16 + 4 + 32
const LENGTH = BODY_LENGTH + 32
/** Canonical base64url of a token. Decoders accept other spellings, which would be further texts for the same token. */
const CANONICAL = new RegExp(`^[A-Za-z0-9_-]{${LENGTH / 3 * 4}}$`)

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
      if (!CANONICAL.test(text)) return undefined
      const bytes = Buffer.from(text, 'base64url')
      const body = bytes.subarray(0, BODY_LENGTH)
      if (!macKeys.some((key) => timingSafeEqual(mac(key, body), bytes.subarray(BODY_LENGTH)))) return undefined
      const [sessionId, counter] = [toUuid(body.subarray(0, 16)), body.readUInt32BE(16)]
      return { sessionId, counter, secret: Buffer.from(body.subarray(20)) }
    }
  }
}

/** The secret of a new session, and the hash of it for the database. */
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
