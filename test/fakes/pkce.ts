import { createHash, randomBytes } from 'node:crypto'

/** A fresh PKCE pair (RFC 7636 sections 4.1 and 4.2). */
export function createPkce (): { verifier: string, challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}
