import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

export interface EncryptionKey { id: string, key: Buffer }

/**
 * Seals secrets with AES-256-GCM (NIST SP 800-38D). Every purpose has its own key, derived with HKDF (RFC 5869): a
 * value sealed for one purpose never opens for another. `context` binds a value to its place, such as the id of a row.
 */
export interface Sealer {
  /** `<key id>.<base64url of nonce, ciphertext and tag>`, under the first of the keys. */
  seal: (plaintext: string, context: string) => string
  /** Undefined when the value was altered, moved to another context, or sealed under an unknown key. */
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
      // Decoders of base64url skip invalid characters: only the canonical encoding is accepted.
      const isCanonical = bytes.toString('base64url') === sealed.slice(dot + 1)
      if (!key || !isCanonical || bytes.length < NONCE_LENGTH + TAG_LENGTH) return undefined
      try {
        const nonce = bytes.subarray(0, NONCE_LENGTH)
        const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_LENGTH })
        decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_LENGTH))
        return decipher.update(bytes.subarray(NONCE_LENGTH, -TAG_LENGTH), undefined, 'utf8') + decipher.final('utf8')
      } catch {
        return undefined
      }
    }
  }
}

/** The key of one purpose, from one of the ENCRYPTION_KEYS. */
export function deriveKey (key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), `signet/${purpose}`, 32))
}
