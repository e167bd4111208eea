import type { SigningAlgorithm } from './signing-algorithm.ts'

export type KeyStatus = 'next' | 'current' | 'retired'

export interface KeyState {
  kid: string
  alg: string
  status: KeyStatus
  createdAt: Date
  activatedAt: Date | null
  retiredAt: Date | null
  /** False when none of the ENCRYPTION_KEYS opens the private half. */
  usable: boolean
}

export interface KeyRules {
  now: Date
  algorithm: SigningAlgorithm
  rotationSeconds: number
  /** How long a retired key must go on verifying: as long as the last token it signed lives, and a margin. */
  retiredSeconds: number
  /** Rotate now, whatever the age. */
  force: boolean
}

export interface KeyPlan {
  retire: string[]
  /** The kid to make current, or "new" for a fresh pair. */
  activate: string | undefined
  createNext: boolean
  remove: string[]
}

/** `next` must have been in the JWKS for longer than any cache of it lives before it signs (SEC-53). */
export const PUBLISH_AHEAD_SECONDS = 10 * 60

/** What must change so that there is one current key, one next key, and no retired key that is of no more use. Pure. */
export function planKeys (keys: KeyState[], rules: KeyRules): KeyPlan {
  const fits = (key: KeyState) => key.usable && key.alg === rules.algorithm
  const secondsSince = (time: Date | null) => time === null ? Infinity : (rules.now.getTime() - time.getTime()) / 1000
  const current = keys.find((key) => key.status === 'current')
  const next = keys.find((key) => key.status === 'next')

  const isDue = current !== undefined && (rules.force || secondsSince(current.activatedAt) >= rules.rotationSeconds)
  const nextIsReady = next !== undefined && fits(next) && (rules.force || secondsSince(next.createdAt) >= PUBLISH_AHEAD_SECONDS)
  const mustReplace = current === undefined || !fits(current)
  const replaces = mustReplace || (isDue && nextIsReady)
  const activatesNext = replaces && next !== undefined && fits(next)

  return {
    retire: [...replaces && current ? [current.kid] : []],
    activate: !replaces ? undefined : activatesNext ? next.kid : 'new',
    createNext: next === undefined || activatesNext || !fits(next),
    remove: [
      ...keys.filter((key) => key.status === 'retired' && secondsSince(key.retiredAt) > rules.retiredSeconds).map((key) => key.kid),
      ...next && !fits(next) ? [next.kid] : []
    ]
  }
}

/** True when nothing changes. What activates a key always makes a next one, too. */
export function isEmpty (plan: KeyPlan): boolean {
  return !plan.createNext && plan.remove.length === 0
}
