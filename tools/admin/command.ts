import type { By } from '../../src/audit/events.ts'
import type { Database } from '../../src/database/database.ts'
import type { ToolSettings } from '../settings-database.ts'

export interface Surroundings {
  database: Database
  settings: ToolSettings
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
