import type { By } from '../../src/audit/events.ts'
import type { Database } from '../../src/database/database.ts'
import type { ToolSettings } from '../settings-database.ts'

export interface CommandContext {
  database: Database
  settings: ToolSettings
  /** Prints a line. */
  print: (line: string) => void
}

/** A command of `npm run admin`. Throws an Error whose message is for the operator. */
export type Command = (args: string[], context: CommandContext) => Promise<void>

/** The operator at the command line, for the audit trail. */
export const BY_OPERATOR: By = { actorId: null, caller: {}, details: { by: 'command line' } }

/** Shown together with the usage. */
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
