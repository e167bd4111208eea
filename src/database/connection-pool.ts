import pg from 'pg'
import { Connection } from './connection.ts'
import { isDatabaseUnavailable } from './unavailable.ts'

/** How long a request waits for a connection while the database is merely busy: it will be served. */
const BUSY_MS = 10_000
/** The same once somebody has just found that the database does not answer: a 503 within three seconds, of all waits together (SEC-91). */
const TROUBLED_MS = 500
const TROUBLE_LASTS_MS = 2_000
/** How long a new connection may take, and the answer to a statement. */
const CONNECT_MS = 2_300
const ANSWER_MS = 2_500

type Callback = (error: Error | undefined, client?: pg.PoolClient, release?: (error?: Error | boolean) => void) => void
interface Waiting { since: number, timer: NodeJS.Timeout, enter: () => void, refuse: () => void }

/**
 * A pool before which requests queue with patience that depends on how the database is. A queue that is long because many have come
 * at once goes on moving; one behind connections that hang does not, and whoever stands in it is told so instead of waiting.
 */
export class ConnectionPool extends pg.Pool {
  private readonly size: number
  private inUse = 0
  private readonly queue = new Set<Waiting>()
  private troubledUntil = -Infinity

  constructor (connectionString: string, size: number, Client = Connection) {
    super({
      connectionString,
      max: size,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: ANSWER_MS,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
      application_name: 'signet',
      Client,
      onConnect: (client) => (client as Connection).lookBehind()
    })
    this.size = size
    this.on('release', (error: unknown) => this.leave(error))
    Object.defineProperty(this, 'waitingCount', { get: () => this.queue.size })
  }

  override connect (callback?: any): any {
    if (!callback) return new Promise<pg.PoolClient>((resolve, reject) => { this.take((error, client) => { client ? resolve(client) : reject(error) }) })
    this.take(callback)
  }

  private take (callback: Callback): void {
    if (this.inUse < this.size) return this.enter(callback)
    const waiting: Waiting = {
      since: Date.now(),
      timer: setTimeout(() => waiting.refuse(), this.isTroubled() ? TROUBLED_MS : BUSY_MS),
      enter: () => {
        clearTimeout(waiting.timer)
        this.queue.delete(waiting)
        this.enter(callback)
      },
      refuse: () => {
        clearTimeout(waiting.timer)
        this.queue.delete(waiting)
        callback(new Error('timeout exceeded when trying to connect'))
      }
    }
    this.queue.add(waiting)
  }

  private enter (callback: Callback): void {
    this.inUse++
    super.connect((error, client, release) => {
      if (error) this.leave(error)
      callback(error, client, release)
    })
  }

  /** A place is free. Who waits longest takes it, if there is anything to wait for. */
  private leave (error: unknown): void {
    this.inUse--
    if (isDatabaseUnavailable(error)) this.noteTrouble()
    const [next] = this.queue
    next?.enter()
  }

  private isTroubled = () => Date.now() < this.troubledUntil

  private noteTrouble (): void {
    const wasTroubled = this.isTroubled()
    this.troubledUntil = Date.now() + TROUBLE_LASTS_MS
    if (wasTroubled) return
    for (const waiting of [...this.queue]) {
      clearTimeout(waiting.timer)
      const left = waiting.since + TROUBLED_MS - Date.now()
      if (left <= 0) waiting.refuse()
      else waiting.timer = setTimeout(waiting.refuse, left)
    }
  }
}
