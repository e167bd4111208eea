/** Who lost a race: by a rule of the database, or because what was read had changed by the time of writing. */
export class Conflict extends Error {}

/** A unique constraint, a row that another transaction deleted meanwhile, a serialisation failure, a deadlock: PostgreSQL's codes, then Prisma's. */
const CODES = ['23505', '23503', '40001', '40P01', 'P2002', 'P2003', 'P2025', 'P2034']
const ATTEMPTS = 5

/**
 * Does `work` again when it lost a race: unique constraints decide, and the loser reads what the winner wrote. So a race
 * is never a 5xx (SEC-92).
 */
export async function retryingConflicts<Result> (work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const isConflict = error instanceof Conflict || CODES.includes((error as { code?: string }).code ?? '')
      if (attempt === ATTEMPTS || !isConflict) throw error
    }
  }
}
