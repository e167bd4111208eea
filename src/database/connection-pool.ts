import pg from 'pg'
import { Connection } from './connection.ts'
import { isDatabaseUnavailable } from './unavailable.ts'

/** How long a request waits for a connection while the database is only busy: it will get one. */
const BUSY_WAIT_MS = 10_000
/** The same while the database does not answer: all waits together end in a 503 within three seconds (SEC-91). */
const DEGRADED_WAIT_MS = 500
/** How long after its last failure the database counts as not answering. */
const DEGRADED_FOR_MS = 2_000
const CONNECT_TIMEOUT_MS = 2_300
const QUERY_TIMEOUT_MS = 2_500

type Callback = (
  error: Error | undefined, client?: pg.PoolClient, release?: (error?: Error | boolean) => void
) => void
/** The pool makes no others. */
const connectionOf = (client: pg.PoolClient) => client as unknown as Connection

interface Waiter { since: number, timer: NodeJS.Timeout, connect: () => void, reject: () => void }

/**
 * A pool whose queue adapts to the state of the database. A long queue that keeps moving only means many requests; a
 * queue behind connections that hang is rejected early.
 */
export class ConnectionPool extends pg.Pool {
  private readonly size: number
  private inUse = 0
  private readonly queue = new Set<Waiter>()
  private degradedUntil = -Infinity
  private readonly idle = new Set<Connection>()

  constructor (connectionString: string, size: number, Client = Connection) {
    super({
      connectionString,
      max: size,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      application_name: 'signet',
      Client,
      onConnect: (client) => (client as Connection).detectPooler()
    })
    this.size = size
    this.on('connect', (client) => { connectionOf(client).onReadOnly = () => this.disconnectIdle() })
    this.on('acquire', (client) => this.idle.delete(connectionOf(client)))
    this.on('remove', (client) => this.idle.delete(connectionOf(client)))
    this.on('release', (error: unknown, client) => {
      this.idle.add(connectionOf(client))
      if (isDatabaseUnavailable(error)) connectionOf(client).reportHostFailure()
      this.connectNext(error)
    })
    Object.defineProperty(this, 'waitingCount', { get: () => this.queue.size })
  }

  override connect (callback?: any): any {
    if (callback) return this.connectOrWait(callback)
    return new Promise<pg.PoolClient>((resolve, reject) => {
      this.connectOrWait((error, client) => { client ? resolve(client) : reject(error) })
    })
  }

  private connectOrWait (callback: Callback): void {
    if (this.inUse < this.size) return this.connectNow(callback)
    const waiter: Waiter = {
      since: Date.now(),
      timer: setTimeout(() => waiter.reject(), this.isDegraded() ? DEGRADED_WAIT_MS : BUSY_WAIT_MS),
      connect: () => {
        clearTimeout(waiter.timer)
        this.queue.delete(waiter)
        this.connectNow(callback)
      },
      reject: () => {
        clearTimeout(waiter.timer)
        this.queue.delete(waiter)
        callback(new Error('timeout exceeded when trying to connect'))
      }
    }
    this.queue.add(waiter)
  }

  private connectNow (callback: Callback): void {
    this.inUse++
    super.connect((error, client, release) => {
      if (error) this.connectNext(error)
      callback(error, client, release)
    })
  }

  /** Gives the connection that has become free to the first in the queue. */
  private connectNext (error: unknown): void {
    this.inUse--
    if (isDatabaseUnavailable(error)) this.markDegraded()
    const [first] = this.queue
    first?.connect()
  }

  /** They lead to the same server, which takes no writes; those in use find that out when they write. */
  private disconnectIdle (): void {
    for (const connection of this.idle) connection.disconnect()
  }

  private isDegraded = () => Date.now() < this.degradedUntil

  /** Shortens the waits of all that are in the queue. */
  private markDegraded (): void {
    const wasDegraded = this.isDegraded()
    this.degradedUntil = Date.now() + DEGRADED_FOR_MS
    if (wasDegraded) return
    for (const waiter of [...this.queue]) {
      clearTimeout(waiter.timer)
      const remainingMs = waiter.since + DEGRADED_WAIT_MS - Date.now()
      if (remainingMs <= 0) waiter.reject()
      else waiter.timer = setTimeout(waiter.reject, remainingMs)
    }
  }
}
