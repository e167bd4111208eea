import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export interface EncryptionKey { id: string, key: Buffer }

/**
 * Seals secrets with AES-256-GCM (NIST SP 800-38D). Every purpose has a key of its own, derived with HKDF (RFC 5869),
 * so that what was sealed for one never opens for another; `context` binds a value to its place, such as a row's id.
 */
export interface Sealer {
  /** `<key id>.<base64url of nonce, ciphertext and tag>`, under the first of the keys. */
  seal: (plaintext: string, context: string) => string
  /** Opens what any of the keys sealed; `undefined` when altered, moved to another place, or sealed under an unknown key. */
  open: (sealed: string, context: string) => string | undefined
}

const ALGORITHM = 'aes-256-gcm'
const NONCE_LENGTH = 12
const TAG_LENGTH = 16

export function createSealer (keys: EncryptionKey[], purpose: string): Sealer {
  const derived = new Map(keys.map(({ id, key }) => [id, deriveKey(key, purpose)]))
  const current = keys[0]
  if (!current) throw new Error('At least one encryption key is needed.')

  return {
    seal (plaintext, context) {
      const nonce = randomBytes(NONCE_LENGTH)
      const cipher = createCipheriv(ALGORITHM, derived.get(current.id) as Buffer, nonce).setAAD(Buffer.from(context))
      const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
      return `${current.id}.${Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64url')}`
    },

    open (sealed, context) {
      const dot = sealed.indexOf('.')
      const key = derived.get(sealed.slice(0, dot))
      const bytes = Buffer.from(sealed.slice(dot + 1), 'base64url')
      // One spelling only: decoders of base64url also pass over characters that do not belong.
      if (!key || bytes.length < NONCE_LENGTH + TAG_LENGTH || bytes.toString('base64url') !== sealed.slice(dot + 1)) return undefined
      try {
        const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, NONCE_LENGTH), { authTagLength: TAG_LENGTH })
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_LENGTH))
        return decipher.update(bytes.subarray(NONCE_LENGTH, -TAG_LENGTH), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return undefined
      }
    }
  }
}

/** A key for one purpose, from one of the ENCRYPTION_KEYS. */
export function deriveKey (key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `signet/${purpose}`, 32))
}
