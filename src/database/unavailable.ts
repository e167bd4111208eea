import { setTimeout as sleep } from 'node:timers/promises'

// Errors that mean "not now", of PostgreSQL (SQLSTATE), sockets and Prisma. Every other error is a bug.
const SQLSTATES = /^(08...|53...|57P0[1-5]|57014|25006|55000|55P03)$/
const SOCKET_ERRORS = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/
const PRISMA_ERRORS = /^(P1001|P1002|P1008|P1017|P2024|P2028|P2037)$/
// What Prisma's adapter makes of a socket's error. A raw query has no other sign of it.
const ADAPTER_KINDS = /^(DatabaseNotReachable|ConnectionClosed|SocketTimeout|TooManyConnections)$/
const MESSAGES = new RegExp([
  'timeout exceeded when trying to connect', 'timeout expired', 'Connection terminated', 'Query read timeout',
  "Can't reach database server", 'not queryable', 'server closed the connection'
].join('|'))

function meansUnavailable (code: unknown): boolean {
  return typeof code === 'string' && [SQLSTATES, SOCKET_ERRORS, PRISMA_ERRORS].some((codes) => codes.test(code))
}

/** True when the database cannot be reached, starts, stops, is full or is read-only: the request may be retried. */
export function isDatabaseUnavailable (error: unknown): boolean {
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    const { code, originalCode, kind, message, meta } = cause as DatabaseErrorLike
    if (meansUnavailable(code) || meansUnavailable(originalCode)) return true
    if (typeof kind === 'string' && ADAPTER_KINDS.test(kind)) return true
    if (typeof message === 'string' && MESSAGES.test(message)) return true
    if (meta?.driverAdapterError !== undefined && isDatabaseUnavailable(meta.driverAdapterError)) return true
  }
  return false
}

interface DatabaseErrorLike {
  code?: unknown
  originalCode?: unknown
  kind?: unknown
  message?: unknown
  meta?: { driverAdapterError?: unknown }
}

const START_TIMEOUT_MS = 15_000

/**
 * True for a server that starts or stops, and for a connection that was taken and closed again, as a proxy does while
 * no server leads.
 */
export function isFailingOver (error: unknown): boolean {
  const { code, message } = error as DatabaseErrorLike
  return /^57P0[123]$/.test(String(code)) || /Connection terminated unexpectedly/.test(String(message))
}

/** For the start, which may wait longer than a request: retries `work` while it fails for a reason that passes. */
export async function retryUntilAvailable<Result> (
  work: () => Promise<Result>, isTransient = isDatabaseUnavailable
): Promise<Result> {
  for (const endsAt = Date.now() + START_TIMEOUT_MS; ; await sleep(200)) {
    try {
      return await work()
    } catch (error) {
      if (!isTransient(error) || Date.now() > endsAt) throw error
    }
  }
}
