export type { AccessTokenClaims } from './claims.ts'
export { VerificationError, type VerificationErrorCode } from './verification-error.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts'
