export type { AccessTokenClaims } from './claims.ts'
export type { PresentedProof } from './proofs.ts'
export {
  protectedResource, type ProtectedResource, type ProtectedResourceOptions
} from './protected-resource.ts'
export type { ResourceDescription } from './resource-metadata.ts'
export type { ReplayStore } from './replay-store.ts'
export { VerificationError, type VerificationErrorCode } from './verification-error.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts'
