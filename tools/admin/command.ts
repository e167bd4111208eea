import type pg from 'pg'
import type { By } from '../../src/audit/events.ts'
import type { Settings } from '../../src/settings.ts'
import type { EncryptionKey } from '../../src/vault/sealing.ts'

export interface Surroundings {
  pool: pg.Pool
  settings: Settings & { encryptionKeys: EncryptionKey[] }
  /** Prints a line. */
  say: (line: string) => void
}

/** What `npm run admin -- <what> <to do> ...args` does. Throws an Error with words for the operator. */
export type Command = (args: string[], surroundings: Surroundings) => Promise<void>

/** How the audit trail names whoever sits at the command line. */
export const BY_OPERATOR: By = { actorId: null, caller: {}, details: { by: 'command line' } }

/** The command was not understood. */
export class UsageError extends Error {
  override name = 'UsageError'
}

export function parse<Result> (read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
