import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose'
import type { AccessTokenClaims } from './claims.ts'
import { createMemoryReplayStore, type ReplayStore } from './replay-store.ts'
import { VerificationError } from './verification-error.ts'

/** The DPoP proof of a request, and what it must have been made for. */
export interface PresentedProof {
  /** The DPoP header; undefined or empty when there is none. */
  proof: string | undefined
  method: string
  /** As the client knows it. The query does not count. */
  url: string
}

export interface ProofOptions { proofSeconds: number, replayStore: ReplayStore | undefined }

export interface Proofs {
  /** Throws unless token and proof fit each other: both are bound to one key, or there is no proof and no key. */
  check: (token: string, claims: AccessTokenClaims, proof: PresentedProof | undefined) => Promise<void>
}

/** Those that Signet knows. */
export const PROOF_ALGORITHMS = ['ES256', 'ES384', 'EdDSA', 'Ed25519', 'PS256', 'RS256']

const TOLERANCE_SECONDS = 30
const MAX_LENGTH = 4096

const sha256 = (text: string) => createHash('sha256').update(text).digest('base64url')

/** Checks DPoP proofs (RFC 9449 section 4.3), each once. */
export function createProofs ({ proofSeconds, replayStore = createMemoryReplayStore() }: ProofOptions): Proofs {
  const rules = {
    typ: 'dpop+jwt',
    algorithms: PROOF_ALGORITHMS,
    maxTokenAge: proofSeconds,
    clockTolerance: TOLERANCE_SECONDS,
    requiredClaims: ['jti', 'htm', 'htu', 'iat', 'ath']
  }

  async function read (token: string, { proof = '', method, url }: PresentedProof) {
    if (proof.length > MAX_LENGTH) throw new VerificationError('invalid_proof')
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, rules).catch((error: unknown) => {
      throw new VerificationError('invalid_proof', error)
    })
    const { jti, htm, htu, ath } = payload
    const isForRequest = htm === method && isSameResource(htu, url) && ath === sha256(token)
    if (typeof jti !== 'string' || jti === '' || !isForRequest) throw new VerificationError('invalid_proof')
    return { jti, jkt: await calculateJwkThumbprint(protectedHeader.jwk!) }
  }

  async function spend (id: string): Promise<boolean> {
    try {
      return await replayStore.spend(id, proofSeconds + 2 * TOLERANCE_SECONDS)
    } catch (error) {
      throw new VerificationError('proofs_unavailable', error)
    }
  }

  return {
    async check (token, { cnf }, presented) {
      if (!cnf && !presented) return
      if (!cnf) throw new VerificationError('not_bound')
      if (!presented?.proof) throw new VerificationError('proof_required')
      const { jti, jkt } = await read(token, presented)
      if (jkt !== cnf.jkt) throw new VerificationError('wrong_key')
      if (!await spend(sha256(`${jkt}:${jti}`))) throw new VerificationError('proof_used')
    }
  }
}

/** Compares two URLs after normalization, without query and fragment. */
function isSameResource (htu: unknown, url: string): boolean {
  if (typeof htu !== 'string' || !URL.canParse(htu) || !URL.canParse(url)) return false
  const [claimed, actual] = [new URL(htu), new URL(url)]
  return claimed.origin === actual.origin && claimed.pathname === actual.pathname
}
