import type { Socket } from 'node:net'
import pg from 'pg'

/** How long a statement waits for a lock. PostgreSQL looks for deadlocks after one second: those are found first, and tried again. */
const LOCK_WAIT_MS = 1_400
/** The server's own limit, for what nobody waits for any more. */
const STATEMENT_MS = 10_000
/** An instance that is cut off in the middle of a transaction holds its locks no longer than this. */
const IDLE_IN_TRANSACTION_MS = 30_000

const LIMITS = `SET lock_timeout = ${LOCK_WAIT_MS}; SET statement_timeout = ${STATEMENT_MS}; SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`

/** What pg has and its types do not tell. */
interface Inside { processID: number, connection: { stream: Socket } }

/**
 * A connection that finds out what is at its other end. PostgreSQL itself gets limits for the session, and named, prepared
 * statements. A pooler in transaction mode, such as PgBouncer, gets neither: the next transaction may run on another of its
 * connections, which knows nothing of the name, or something else under it.
 */
export class Connection extends pg.Client {
  private isDirect = false

  constructor (config?: pg.ClientConfig) {
    super(config)
    // Lost in the middle of a transaction: its next statement tells. Without a listener it would end the process.
    this.on('error', () => {})
  }

  /** To be awaited before the first query. A pooler invents the process id that it tells its clients. */
  async lookBehind (): Promise<void> {
    // PgBouncer keeps the time zone of each client, also in transaction mode.
    const [, { rows: [row] }] = await this.query("SET TIME ZONE 'UTC'; SELECT pg_backend_pid() AS pid")
    this.isDirect = row.pid === (this as unknown as Inside).processID
    if (this.isDirect) await this.query(LIMITS)
  }

  override query (config: any, ...rest: any[]): any {
    const result: unknown = super.query(this.isDirect ? config : withoutName(config), ...rest as [])
    return result instanceof Promise ? result.catch((error: Error) => this.giveUp(error)) : result
  }

  /** After an answer that did not come, nothing else will: whoever still asks, such as for a ROLLBACK, need not wait as long again. */
  private giveUp (error: Error): never {
    if (error.message === 'Query read timeout') (this as unknown as Inside).connection.stream.destroy()
    throw error
  }
}

/** Without a name a statement is parsed, bound and run in one go. */
function withoutName (config: unknown): unknown {
  if (typeof config !== 'object' || config === null || !('name' in config) || 'submit' in config) return config
  const { name, ...unnamed } = config
  return unnamed
}
