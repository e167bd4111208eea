import { Problem } from '../http/errors.ts'

/** The steps of a login at a provider, as `detail` names them. */
export type Step = 'discovery' | 'token exchange' | 'token refresh' | 'revocation' | 'keys' | 'user info' | 'profile' | 'emails' | 'authorization response'

/** A provider that failed. `reason` is ours, never the provider's words: those may hold a token, a code or markup. */
export function providerError (provider: string, step: Step, reason: string): Problem {
  return new Problem('provider_error', `${provider}: the ${step} failed: ${reason}.`)
}

export function providerTimeout (provider: string, step: Step): Problem {
  return new Problem('provider_timeout', `${provider}: the ${step} took too long.`)
}

export function invalidIdToken (provider: string, reason: string): Problem {
  return new Problem('invalid_id_token', `${provider}: the ID token does not verify: ${reason}.`)
}
