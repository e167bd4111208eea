/** What an event of a provider does here. */
export interface EventEffect {
  /**
   * `sessions`: those that were opened through the account end, and its provider tokens are forgotten. `account`: the
   * account goes, and the user with it if it was the last one.
   */
  ends?: 'sessions' | 'account'
  /** What is noted on the account. */
  note?: { emailDisabled: boolean } | { disabled: boolean }
}

/** One thing that a provider reported. */
export interface ProviderEvent {
  /** The provider's word for it, from a closed list. */
  type: string
  /** The account that it is about. Undefined where it is about none, such as a test of the URL. */
  identity: { issuer: string, subject: string } | undefined
  effect: EventEffect
}

/** A verified request of a provider. Some providers report several events at once. */
export interface EventMessage {
  provider: string
  /** Tells a repeated request: unique at its provider. */
  id: string
  /** How long a repetition is recognized. At least as long as the request would verify. */
  rememberSeconds: number
  events: ProviderEvent[]
  /** Where the person may ask how far the deletion is: the request is recorded under it. */
  confirmationCode?: string
}

/** The type of an event that has no effect here. */
export const UNKNOWN = 'unknown'
export const END_SESSIONS: EventEffect = { ends: 'sessions' }
export const END_ACCOUNT: EventEffect = { ends: 'account' }
