import { createHash, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

export interface ProofOptions {
  /** Of a request that carries it. */
  accessToken?: string | undefined
  /** Put in place of the usual ones, or left out by `undefined`. */
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
}

/** A client's key, and the proofs of possession that it makes (RFC 9449 section 4.2). */
export async function createDpopKey (alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = await exportJWK(publicKey)
  return {
    jkt: await calculateJwkThumbprint(jwk),
    jwk,
    privateJwk: await exportJWK(privateKey),
    /** A proof for one request. */
    async prove (method: string, url: string, { accessToken, claims, header }: ProofOptions = {}): Promise<string> {
      const ath = accessToken === undefined ? {} : { ath: createHash('sha256').update(accessToken).digest('base64url') }
      const iat = Math.floor(Date.now() / 1000)
      return await new SignJWT({ jti: randomUUID(), htm: method, htu: url, iat, ...ath, ...claims })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk, ...header })
        .sign(privateKey, { crit: { x: true } })
    }
  }
}

export type DpopKeyPair = Awaited<ReturnType<typeof createDpopKey>>
