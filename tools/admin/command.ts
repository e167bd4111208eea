import type { By } from '../../src/audit/events.ts'
import type { Database } from '../../src/database/database.ts'
import type { ToolSettings } from '../settings-database.ts'

export interface Surroundings {
  database: Database
  settings: ToolSettings
  /** Prints a line. */
  say: (line: string) => void
}

/** A command of `npm run admin`. Throws an Error whose message is for the operator. */
export type Command = (args: string[], surroundings: Surroundings) => Promise<void>

/** The actor of the command line in the audit trail. */
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
