import { hash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, errors, jwtVerify, type JWTPayload } from 'jose'
import { PROOF_ALGORITHMS } from '../http/dpop.ts'

/** The key that tokens are bound to, by the SHA-256 thumbprint of its JWK (RFC 9449 section 6.1). */
export interface DpopKey {
  jkt: string
  /** True for a public client: a confidential one has to authenticate anyway (RFC 9449 section 5). */
  bindsRefreshTokens: boolean
}

/** The request that a proof must have been made for. */
export interface ProvenRequest {
  method: string
  /** As clients know it, below the issuer's URL. The query does not count. */
  url: string
  /** The access token that the request carries; undefined at the token endpoint. */
  accessToken?: string | undefined
}

export interface ProofId { jkt: string, jti: string }

/** Marks a proof as used. False when it was used before, at any instance: of many calls at once, one gets true. */
export type SpendProof = (proof: ProofId, rememberSeconds: number) => Promise<boolean>

/** The message may be shown to the client. */
export class InvalidProofError extends Error {}

/** How old a proof may be: without nonces a client's clock decides what `iat` it has. */
const MAX_AGE_SECONDS = 300
/** How far the clock of a client may be ahead. */
const TOLERANCE_SECONDS = 30
/** Longer than any proof can be valid. */
const REMEMBER_SECONDS = 2 * MAX_AGE_SECONDS
const MAX_LENGTH = 4096

const RULES = {
  typ: 'dpop+jwt',
  algorithms: PROOF_ALGORITHMS,
  maxTokenAge: MAX_AGE_SECONDS,
  clockTolerance: TOLERANCE_SECONDS,
  requiredClaims: ['jti', 'htm', 'htu', 'iat']
}

/**
 * Checks a DPoP proof, each once (RFC 9449 section 4.3). Returns the thumbprint of the key that made it. Throws an
 * InvalidProofError.
 */
export type VerifyProof = (proof: string, request: ProvenRequest) => Promise<string>

export function createProofVerifier (spend: SpendProof): VerifyProof {
  return async (proof, request) => {
    const id = await readProof(proof, request)
    if (!await spend(id, REMEMBER_SECONDS)) throw new InvalidProofError('The DPoP proof was used before.')
    return id.jkt
  }
}

async function readProof (proof: string, { method, url, accessToken }: ProvenRequest): Promise<ProofId> {
  if (proof.length > MAX_LENGTH) throw new InvalidProofError('The DPoP proof is too long.')
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, RULES).catch((error: unknown) => {
    throw new InvalidProofError(mistakeOf(error), { cause: error })
  })
  const { jti, htm, htu, ath } = payload
  if (typeof jti !== 'string' || jti === '') throw new InvalidProofError('The jti of the DPoP proof must be a text.')
  if (htm !== method) throw new InvalidProofError('The htm of the DPoP proof is not the method of this request.')
  if (!isSameResource(htu, url)) throw new InvalidProofError('The htu of the DPoP proof is not the URL requested.')
  if (accessToken !== undefined && ath !== hash('sha256', accessToken, 'base64url')) {
    throw new InvalidProofError('The ath of the DPoP proof is not the hash of this access token.')
  }
  return { jti, jkt: await calculateJwkThumbprint(protectedHeader.jwk!) }
}

/** Compares two URLs after normalization, without query and fragment. */
function isSameResource (htu: JWTPayload[string], url: string): boolean {
  if (typeof htu !== 'string' || !URL.canParse(htu)) return false
  const [claimed, actual] = [new URL(htu), new URL(url)]
  return claimed.origin === actual.origin && claimed.pathname === actual.pathname
}

function mistakeOf (error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The DPoP proof is too old.'
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return `The DPoP proof must be signed with one of ${PROOF_ALGORITHMS.join(', ')}.`
  }
  if (error instanceof errors.JWTClaimValidationFailed) return `The ${error.claim} of the DPoP proof is not acceptable.`
  return 'The DPoP proof must be one JWT, signed by the key that its header has.'
}
