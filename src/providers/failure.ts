import { Problem } from '../http/errors.ts'

/** The steps of a login at a provider, as `detail` names them. */
export type Step = 'discovery' | 'authorization response' | 'token exchange' | 'token refresh' | 'keys' | 'user info'
  | 'profile' | 'emails' | 'memberships' | 'revocation'

/** A provider that failed. `reason` is never in the provider's words, which may hold a token, a code or markup. */
export function providerError (provider: string, step: Step, reason: string): Problem {
  return new Problem('provider_error', `${provider}: the ${step} failed: ${reason}.`)
}

export function providerTimeout (provider: string, step: Step): Problem {
  return new Problem('provider_timeout', `${provider}: the ${step} took too long.`)
}

export function invalidIdToken (provider: string, reason: string): Problem {
  return new Problem('invalid_id_token', `${provider}: the ID token does not verify: ${reason}.`)
}
