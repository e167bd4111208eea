import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Person } from './person.ts'
import type { PersonPlan, Reason } from './plan.ts'

/** What each reason means, and what to do. */
const REASONS: Record<Reason, string> = {
  no_identity: 'no account at a provider; --by-email brings those whose address the source verified',
  unknown_provider: 'the provider is not in the settings, or has another name there (--provider)',
  foreign_subject: 'Signet knows people at this provider by another id, which the source does not have',
  unusable_subject: 'the provider\'s id of the person is missing or malformed',
  identity_taken: 'the account at the provider belongs to another user here',
  identity_unlinked: 'the user unlinked this account here',
  email_taken: 'another user here has the address; people with an account at a provider came without it',
  email_not_verified: 'the address is not verified by a trusted provider; the user came without it, and gets it with ' +
    'the next sign-in that proves it',
  metadata_too_large: 'the metadata is larger than 16 KiB, or cannot be stored; the user came without it'
}

const number = (count: number) => count.toLocaleString('en-US')

export interface Tally {
  count: (person: Person, plan: PersonPlan) => void
  read: () => number
  progress: () => string
  /** The lines of the summary. */
  summary: (dryRun: boolean) => string[]
}

/** Counts people by outcome, and what stays behind by reason. */
export function createTally (): Tally {
  const outcomes = { create: 0, extend: 0, present: 0, skip: 0 }
  const reasons = new Map<string, number>()
  let accounts = 0
  const read = () => Object.values(outcomes).reduce((sum, count) => sum + count)

  return {
    count (_person, plan) {
      outcomes[plan.outcome]++
      accounts += plan.accounts.length
      for (const { reason, detail } of plan.leftBehind) {
        const key = detail === '' ? reason : `${reason} (${detail})`
        reasons.set(key, (reasons.get(key) ?? 0) + 1)
      }
    },
    read,
    progress: () => `${number(read())} people read, ${number(outcomes.create)} added`,
    summary (dryRun) {
      const added = dryRun ? 'would be added' : 'added'
      const lines = [
        `${number(read())} people read: ${number(outcomes.create)} ${added}, ${number(outcomes.extend)} got accounts ` +
          `that they had not, ${number(outcomes.present)} were here, ${number(outcomes.skip)} stay behind.`,
        `${number(accounts)} accounts ${added}.`
      ]
      if (reasons.size === 0) return lines
      const sorted = [...reasons].sort(([, one], [, other]) => other - one)
      const used = new Set(sorted.map(([key]) => key.split(' ')[0] as Reason))
      return [
        ...lines,
        'What stays behind, in whole or in part:',
        ...sorted.map(([key, count]) => `  ${number(count).padStart(9)}  ${key}`),
        ...[...used].map((reason) => `${reason}: ${REASONS[reason]}.`)
      ]
    }
  }
}

/** Writes what stays behind, a line of JSON each, to a file that its owner alone can read. */
export function openReport (path: string | undefined) {
  if (path === undefined) return { add: () => {}, close: async () => {} }
  const file = createWriteStream(path, { mode: 0o600 })
  // A path that cannot be written fails the import before anything is added.
  const opened = once(file, 'open')
  opened.catch(() => {})
  return {
    async add (person: Person, { outcome, leftBehind }: PersonPlan) {
      await opened
      for (const { reason, detail } of leftBehind) {
        const line = JSON.stringify({ id: person.id, isAdded: outcome !== 'skip', reason, detail: detail || undefined })
        if (!file.write(`${line}\n`)) await once(file, 'drain')
      }
    },
    async close () {
      await opened
      file.end()
      await once(file, 'finish')
    }
  }
}
