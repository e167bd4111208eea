import { setTimeout as sleep } from 'node:timers/promises'

// Errors that mean "not now", of PostgreSQL (SQLSTATE), sockets and Prisma. Every other error is a bug.
const SQLSTATES = /^(08...|53...|57P0[1-5]|57014|25006|55000|55P03)$/
const SOCKET_ERRORS = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/
const PRISMA_ERRORS = /^(P1001|P1002|P1008|P1017|P2024|P2028|P2037)$/
const MESSAGES = new RegExp([
  'timeout exceeded when trying to connect', 'Connection terminated', 'Query read timeout',
  "Can't reach database server", 'not queryable', 'server closed the connection'
].join('|'))

function meansUnavailable (code: unknown): boolean {
  return typeof code === 'string' && [SQLSTATES, SOCKET_ERRORS, PRISMA_ERRORS].some((codes) => codes.test(code))
}

/** True when the database cannot be reached, starts, stops, is full or is read-only: the request may be retried. */
export function isDatabaseUnavailable (error: unknown): boolean {
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    const { code, originalCode, message, meta } = cause as DatabaseErrorLike
    if (meansUnavailable(code) || meansUnavailable(originalCode)) return true
    if (typeof message === 'string' && MESSAGES.test(message)) return true
    if (meta?.driverAdapterError !== undefined && isDatabaseUnavailable(meta.driverAdapterError)) return true
  }
  return false
}

interface DatabaseErrorLike {
  code?: unknown
  originalCode?: unknown
  message?: unknown
  meta?: { driverAdapterError?: unknown }
}

const START_TIMEOUT_MS = 15_000

/** For the start, which may wait longer than a request: retries `work` while the database is unavailable. */
export async function retryUntilAvailable<Result> (work: () => Promise<Result>): Promise<Result> {
  for (const endsAt = Date.now() + START_TIMEOUT_MS; ; await sleep(200)) {
    try {
      return await work()
    } catch (error) {
      if (!isDatabaseUnavailable(error) || Date.now() > endsAt) throw error
    }
  }
}
