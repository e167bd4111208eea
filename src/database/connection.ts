import type pg from 'pg'
import { Client } from './client.ts'

/** How long a statement waits for a lock. PostgreSQL detects deadlocks after one second, so those are found first. */
const LOCK_TIMEOUT_MS = 1_400
/** The server's own limit: ends statements whose client is gone. */
const STATEMENT_TIMEOUT_MS = 10_000
/** An instance that is cut off within a transaction holds its locks for at most so long. */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

/** read_only_sql_transaction */
const READ_ONLY = '25006'

const SESSION_LIMITS = `
  SET lock_timeout = ${LOCK_TIMEOUT_MS};
  SET statement_timeout = ${STATEMENT_TIMEOUT_MS};
  SET idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_TIMEOUT_MS}`

/**
 * A connection that adapts to what it is connected to. PostgreSQL itself gets named, prepared statements and limits
 * for the session. A pooler in transaction mode, such as PgBouncer, gets neither: the next transaction may run on
 * another of its connections, which does not know the name, or knows another statement by it.
 */
export class Connection extends Client {
  /** A member of pg.Client that its types leave out. */
  declare private readonly processID: number

  private isDirect = false
  /** Called when a statement is refused because the server takes no writes. */
  onReadOnly: () => void = () => {}

  constructor (config?: pg.ClientConfig) {
    super(config)
    // A connection that is lost in a transaction fails the next statement. Without a listener it would end the process.
    this.on('error', () => {})
    this.connection.on('errorMessage', ({ code }: { code?: string }) => {
      if (code === READ_ONLY) this.leaveReadOnlyServer()
    })
  }

  /** Awaited before the first query. A pooler reports a process id of its own making to its clients. */
  async detectPooler (): Promise<void> {
    // PgBouncer keeps the time zone of each client, also in transaction mode.
    const [, { rows: [row] }] = await this.query("SET TIME ZONE 'UTC'; SELECT pg_backend_pid() AS pid")
    this.isDirect = row.pid === this.processID
    if (this.isDirect) await this.query(SESSION_LIMITS)
  }

  // As pg declares it, for each kind of query.
  override query (config: any, ...rest: any[]): any {
    const result: unknown = super.query(this.isDirect ? config : withoutName(config), ...rest as [])
    return result instanceof Promise ? result.catch((error: Error) => this.disconnectOnTimeout(error)) : result
  }

  /** The server was demoted, or was a standby from the start. A new connection may reach the one that takes writes. */
  private leaveReadOnlyServer (): void {
    this.onReadOnly()
    this.reportHostFailure()
    // The statement gets its error first.
    setImmediate(() => this.connection.stream.destroy())
  }

  /** After one statement without an answer, the next (such as a ROLLBACK) would wait just as long in vain. */
  private disconnectOnTimeout (error: Error): never {
    if (error.message === 'Query read timeout') this.connection.stream.destroy()
    throw error
  }
}

/** A statement without a name is parsed, bound and executed at once. */
function withoutName (config: unknown): unknown {
  if (typeof config !== 'object' || config === null || !('name' in config) || 'submit' in config) return config
  const { name, ...unnamed } = config
  return unnamed
}
