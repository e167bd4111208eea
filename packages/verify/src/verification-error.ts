/** Why a token was not accepted: for programs by code, for people in a sentence that says nothing of the token. */
const REASONS = {
  malformed: 'The access token is not a signed JWT.',
  wrong_algorithm: 'The access token is signed by an algorithm that is not accepted here.',
  unknown_key: 'The access token is signed by a key that its issuer does not publish.',
  bad_signature: 'The signature of the access token is not valid.',
  wrong_type: 'The token is not an access token.',
  wrong_issuer: 'The access token is of another issuer.',
  wrong_audience: 'The access token is for another audience.',
  invalid_claim: 'The access token lacks a claim, or has one that is not as it must be.',
  not_yet_valid: 'The access token is not valid yet.',
  expired: 'The access token has expired.',
  revoked: 'The access token has been revoked.',
  proof_required: 'The access token is bound to a key: it needs the scheme DPoP and a proof of that key.',
  invalid_proof: 'The DPoP proof is not valid for this request.',
  proof_used: 'The DPoP proof was used before.',
  wrong_key: 'The DPoP proof is of another key than the access token.',
  not_bound: 'The access token is bound to no key: it needs the scheme Bearer, without a DPoP proof.',
  keys_unavailable: 'The keys of the issuer could not be fetched.',
  revocations_unavailable: 'The issuer could not be asked for revoked tokens.',
  proofs_unavailable: 'The store of used DPoP proofs could not be asked.'
} as const

export type VerificationErrorCode = keyof typeof REASONS

/** The token is not valid (`status` 401), or could not be checked right now (503): then a later attempt may succeed. */
export class VerificationError extends Error {
  readonly code: VerificationErrorCode
  readonly status: 401 | 503

  constructor (code: VerificationErrorCode, cause?: unknown) {
    super(REASONS[code], { cause })
    this.name = 'VerificationError'
    this.code = code
    this.status = code.endsWith('_unavailable') ? 503 : 401
  }
}
