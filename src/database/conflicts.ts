import { sqlStateOf } from './sql-state.ts'

/** What was read had changed by the time of writing. */
export class Conflict extends Error {}

/**
 * Unique and foreign keys, serialization failures and deadlocks, in PostgreSQL's codes; then Prisma's own, also for a
 * row that is gone.
 */
const CONFLICTS = ['23505', '23503', '40001', '40P01', 'P2002', 'P2003', 'P2025', 'P2034']
const ATTEMPTS = 5

/**
 * Runs `work` again when it lost a race: constraints decide, and the loser reads what the winner wrote. So a race never
 * becomes a 5xx (SEC-92).
 */
export async function retryingConflicts<Result> (work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const isConflict = error instanceof Conflict || CONFLICTS.includes(sqlStateOf(error) ?? '')
      if (attempt === ATTEMPTS || !isConflict) throw error
    }
  }
}
