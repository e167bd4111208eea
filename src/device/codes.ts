import { createHash, randomBytes, randomInt } from 'node:crypto'

/** RFC 8628 section 6.1: consonants only, so that no word comes out; 20^8 codes are 34 bits. */
const ALPHABET = 'BCDFGHJKLMNPQRSTVWXZ'
const LENGTH = 8

export function newDeviceCode (): string {
  return randomBytes(32).toString('base64url')
}

export function hashDeviceCode (deviceCode: string): Buffer {
  return createHash('sha256').update(deviceCode).digest()
}

export function newUserCode (): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
}

/** What a person typed, without the case, spaces and dashes that people add. Undefined when it cannot be a code. */
export function readUserCode (typed: unknown): string | undefined {
  if (typeof typed !== 'string' || typed.length > 40) return undefined
  const code = typed.toUpperCase().replace(/[\s-]/g, '')
  return new RegExp(`^[${ALPHABET}]{${LENGTH}}$`).test(code) ? code : undefined
}

/** As it is shown: two halves of four. */
export function showUserCode (userCode: string): string {
  return `${userCode.slice(0, 4)}-${userCode.slice(4)}`
}
