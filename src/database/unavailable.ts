import { setTimeout as sleep } from 'node:timers/promises'

/** SQLSTATE classes and codes, codes of sockets and of Prisma, that mean: not now. Everything else is a fault of ours. */
const SQLSTATES = /^(08...|53...|57P0[1-5]|57014|25006|55000|55P03)$/
const SOCKET_ERRORS = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/
const PRISMA_ERRORS = /^(P1001|P1002|P1008|P1017|P2024|P2028|P2037)$/
const MESSAGES = new RegExp([
  'timeout exceeded when trying to connect', 'Connection terminated', 'Query read timeout', "Can't reach database server", 'not queryable', 'server closed the connection'
].join('|'))

function meansUnavailable (code: unknown): boolean {
  return typeof code === 'string' && [SQLSTATES, SOCKET_ERRORS, PRISMA_ERRORS].some((codes) => codes.test(code))
}

/** True when the database could not be reached, is starting, stopping, full or read-only: the request may be tried again. */
export function isDatabaseUnavailable (error: unknown): boolean {
  for (let cause = error; typeof cause === 'object' && cause !== null; cause = (cause as { cause?: unknown }).cause) {
    const { code, originalCode, message, meta } = cause as DatabaseErrorLike
    if (meansUnavailable(code) || meansUnavailable(originalCode)) return true
    if (typeof message === 'string' && MESSAGES.test(message)) return true
    if (meta?.driverAdapterError !== undefined && isDatabaseUnavailable(meta.driverAdapterError)) return true
  }
  return false
}

interface DatabaseErrorLike { code?: unknown, originalCode?: unknown, message?: unknown, meta?: { driverAdapterError?: unknown } }

const START_MS = 15_000

/** For a start, which has more patience with the database than a request: tries again while it is away. */
export async function patiently<Result> (work: () => Promise<Result>): Promise<Result> {
  for (const endsAt = Date.now() + START_MS; ; await sleep(200)) {
    try {
      return await work()
    } catch (error) {
      if (!isDatabaseUnavailable(error) || Date.now() > endsAt) throw error
    }
  }
}
