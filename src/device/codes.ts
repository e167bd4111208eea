import { createHash, randomBytes, randomInt } from 'node:crypto'

/** RFC 8628 section 6.1: consonants only, so that no code spells a word; 20^8 codes are 34 bits. */
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ'
const LENGTH = 8

/** SHA-256 of a device code. */
export type DeviceCodeHash = Uint8Array<ArrayBuffer>

export function newDeviceCode (): string {
  return randomBytes(32).toString('base64url')
}

export function hashDeviceCode (deviceCode: string) {
  return createHash('sha256').update(deviceCode).digest() satisfies DeviceCodeHash
}

export function newUserCode (): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** The code that a person typed, in any case, with any spaces and dashes. Undefined when it cannot be a code. */
export function readUserCode (typed: unknown): string | undefined {
  if (typeof typed !== 'string' || typed.length > 40) return undefined
  const code = typed.toUpperCase().replace(/[\s-]/g, '')
  return new RegExp(`^[${ALPHABET}]{${LENGTH}}$`).test(code) ? code : undefined
}

/** The code as people see it: two groups of four. */
export function formatUserCode (userCode: string): string {
  return `${userCode.slice(0, 4)}-${userCode.slice(4)}`
}
