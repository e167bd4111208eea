import type { SigningAlgorithm } from './signing-algorithm.ts'

export type KeyStatus = 'next' | 'current' | 'retired'

export interface KeyState {
  kid: string
  alg: string
  status: KeyStatus
  createdAt: Date
  activatedAt: Date | null
  retiredAt: Date | null
  /** False when none of the ENCRYPTION_KEYS opens the private key. */
  isUsable: boolean
}

export interface KeyRules {
  now: Date
  algorithm: SigningAlgorithm
  rotationSeconds: number
  /** How long a retired key is kept: at least the lifetime of the last session with a token that it signed. */
  retiredSeconds: number
  /** Rotate now, whatever the age of the keys. */
  force: boolean
}

export interface KeyPlan {
  retire: string[]
  /** The kid of the key to make current, or "new" for a key yet to be created. */
  activate: string | undefined
  createNext: boolean
  remove: string[]
}

/** A key must have been in the JWKS for longer than any client caches it before it signs (SEC-53). */
export const PUBLISH_AHEAD_SECONDS = 10 * 60

/**
 * The changes that leave one current key, one next key, and those retired keys that still verify what is alive. `keys`
 * are those that the algorithm replaces: its own, and those of algorithms that nothing needs any more.
 */
export function planKeys (keys: KeyState[], rules: KeyRules): KeyPlan {
  const canSign = (key: KeyState) => key.isUsable && key.alg === rules.algorithm
  const secondsSince = (time: Date | null) =>
    time === null ? Infinity : (rules.now.getTime() - time.getTime()) / 1000
  const isPublished = (key: KeyState) => secondsSince(key.createdAt) >= PUBLISH_AHEAD_SECONDS
  const isOver = (key: KeyState) => key.status === 'retired' && secondsSince(key.retiredAt) > rules.retiredSeconds
  const currents = keys.filter(({ status }) => status === 'current')
  const nexts = keys.filter(({ status }) => status === 'next')
  const current = currents.find(canSign) ?? currents[0]
  const next = nexts.find(canSign) ?? nexts[0]
  const canNextSign = next !== undefined && canSign(next)

  const mustReplace = current === undefined || !canSign(current)
  const isDue = current !== undefined && secondsSince(current.activatedAt) >= rules.rotationSeconds
  const rotates = rules.force || (isDue && next !== undefined && isPublished(next))
  const replaces = mustReplace || (rotates && canNextSign)
  const activatesNext = replaces && canNextSign

  return {
    retire: currents.filter((key) => replaces || key !== current).map(({ kid }) => kid),
    activate: !replaces ? undefined : activatesNext ? next.kid : 'new',
    createNext: activatesNext || !canNextSign,
    remove: [
      ...keys.filter(isOver).map((key) => key.kid),
      ...nexts.filter((key) => key !== next || !canNextSign).map(({ kid }) => kid)
    ]
  }
}

/** True when the plan changes nothing. A plan that activates a key also creates the next one. */
export function isEmpty (plan: KeyPlan): boolean {
  return !plan.createNext && plan.retire.length === 0 && plan.remove.length === 0
}
