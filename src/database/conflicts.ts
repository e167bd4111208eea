/** Prisma's codes for a unique constraint, a row that another transaction deleted meanwhile, and a deadlock or serialisation failure. */
const CONFLICT = ['P2002', 'P2003', 'P2025', 'P2034']
const ATTEMPTS = 5

/**
 * Runs a transaction again when it lost a race: unique constraints decide, and the loser reads what the winner wrote.
 * So a race is never a 5xx (SEC-92).
 */
export async function retryingConflicts<Result> (transaction: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction()
    } catch (error) {
      if (attempt === ATTEMPTS || !CONFLICT.includes((error as { code?: string }).code ?? '')) throw error
    }
  }
}
