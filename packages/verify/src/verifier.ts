import { errors, jwtVerify } from 'jose'
import { toClaims, type AccessTokenClaims } from './claims.ts'
import { createKeys } from './keys.ts'
import { createProofs, type PresentedProof } from './proofs.ts'
import type { ReplayStore } from './replay-store.ts'
import { followRevocations } from './revocations.ts'
import { VerificationError } from './verification-error.ts'

export interface VerifierOptions {
  /** Signet's ISSUER_URL, byte for byte. */
  issuer: string
  /** Signet's TOKEN_AUDIENCE, or what RESOURCES calls your API; the issuer unless given. */
  audience?: string | undefined
  /** Signet's ACCESS_TOKEN_TYPE: at+jwt unless given. */
  type?: 'at+jwt' | 'JWT' | undefined
  /** With the id and secret of a confidential client, revoked tokens are refused within `pollSeconds`. */
  clientId?: string | undefined
  clientSecret?: string | undefined
  /** How often revocations are asked for: 5 seconds. */
  pollSeconds?: number | undefined
  /**
   * While revocations cannot be asked for, tokens are judged by those known, for so long: 900 seconds, Signet's usual
   * ACCESS_TOKEN_TTL. With Signet away no token lives longer, so this bites only when Signet is there and the asking is
   * what fails.
   */
  maxStaleSeconds?: number | undefined
  /** Which algorithms may sign: ES256, RS256 and EdDSA, those that Signet knows. */
  algorithms?: string[] | undefined
  /** By how much clocks may differ: 5 seconds. */
  clockToleranceSeconds?: number | undefined
  /**
   * Where used DPoP proofs are remembered: in memory unless given. Several instances of a service need one that they
   * share, or a proof works once at each.
   */
  replayStore?: ReplayStore | undefined
  /** How old a DPoP proof may be: 300 seconds. Give or take 30 seconds for clocks that differ. */
  proofSeconds?: number | undefined
  /** How long a request to Signet may take: 5 seconds. */
  timeoutSeconds?: number | undefined
  /** How old the keys may get before they are fetched again in the background: 300 seconds. */
  keyRefreshSeconds?: number | undefined
  /** How long after a fetch no other is made for a key that is not known: 5 seconds. */
  keyCooldownSeconds?: number | undefined
  /** Where these are, when Signet is reached at another address than its issuer. */
  jwksUrl?: string | undefined
  revocationsUrl?: string | undefined
  /** Hears of every failure to fetch keys or revocations: for the log. */
  onError?: ((error: unknown) => void) | undefined
}

export interface Verifier {
  /**
   * The claims of a good access token; throws VerificationError for any other (RFC 9068 section 4). A token that came
   * by the scheme DPoP needs `proof`, which is good once (RFC 9449 section 7). One that came as Bearer has none, and
   * must not be bound to a key.
   */
  verify: (token: string, proof?: PresentedProof) => Promise<AccessTokenClaims>
  /** Ends the polling. What does not call this is not kept alive by it either. */
  close: () => void
}

/**
 * Verifies Signet's access tokens by its published keys, without asking it for each. Throws TypeError when the options
 * make no sense.
 */
export function createVerifier (options: VerifierOptions): Verifier {
  const {
    issuer,
    audience = issuer,
    type = 'at+jwt',
    clientId,
    clientSecret,
    pollSeconds = 5,
    maxStaleSeconds = 900,
    algorithms = ['ES256', 'RS256', 'EdDSA'],
    clockToleranceSeconds = 5,
    timeoutSeconds = 5,
    keyRefreshSeconds = 300,
    keyCooldownSeconds = 5,
    replayStore,
    proofSeconds = 300,
    jwksUrl = `${issuer}/.well-known/jwks.json`,
    revocationsUrl = `${issuer}/revocations`,
    onError = () => {}
  } = options
  const keys = createKeys({
    url: new URL(jwksUrl),
    refreshSeconds: keyRefreshSeconds,
    cooldownSeconds: keyCooldownSeconds,
    timeoutSeconds,
    onError
  })
  const proofs = createProofs({ proofSeconds, replayStore })
  const rules = { issuer, audience, algorithms, typ: type, clockTolerance: clockToleranceSeconds }
  if ((clientId === undefined) !== (clientSecret === undefined)) {
    throw new TypeError('clientId and clientSecret go together.')
  }
  const revocations =
    clientId === undefined || clientSecret === undefined
      ? undefined
      : followRevocations({
        url: new URL(revocationsUrl),
        clientId,
        clientSecret,
        pollSeconds,
        maxStaleSeconds,
        timeoutSeconds,
        onError
      })

  return {
    async verify (token, proof) {
      const { payload } = await jwtVerify(token, keys, rules).catch((error: unknown) => {
        throw toVerificationError(error)
      })
      const claims = toClaims(payload)
      await revocations?.check(claims)
      await proofs.check(token, claims, proof)
      return claims
    },

    close: () => revocations?.close()
  }
}

const CODES_OF_CLAIMS = { typ: 'wrong_type', iss: 'wrong_issuer', aud: 'wrong_audience', nbf: 'not_yet_valid' } as const

function toVerificationError (error: unknown): VerificationError {
  if (error instanceof VerificationError) return error
  if (error instanceof errors.JWTExpired) return new VerificationError('expired', error)
  if (error instanceof errors.JOSEAlgNotAllowed) return new VerificationError('wrong_algorithm', error)
  if (error instanceof errors.JWSSignatureVerificationFailed) return new VerificationError('bad_signature', error)
  if (!(error instanceof errors.JWTClaimValidationFailed)) return new VerificationError('malformed', error)
  const isComparison = error.reason === 'check_failed' && error.claim in CODES_OF_CLAIMS
  return new VerificationError(
    isComparison ? CODES_OF_CLAIMS[error.claim as keyof typeof CODES_OF_CLAIMS] : 'invalid_claim',
    error
  )
}
