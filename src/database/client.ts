import pg from 'pg'
import { urlPerHost } from './hosts.ts'
import { assertWritable, writerOf, type HostConnection, type Writer } from './writer.ts'

// pg's own types have `any` here: a pool passes its client, and undefined where there is no error.
type Callback = (error: any, client?: any) => void

/**
 * A pg.Client whose connection string may list several hosts: it connects to the one that takes writes, as libpq does
 * with target_session_attrs=read-write. With one host it is a pg.Client and nothing more.
 */
export class Client extends pg.Client {
  private readonly writer: Writer | undefined
  private hostConnection: HostConnection | undefined

  constructor (config: pg.ClientConfig = {}) {
    const { connectionString = '' } = config
    const urls = urlPerHost(connectionString)
    super(urls.length === 1 ? config : { ...config, connectionString: urls[0] })
    this.writer = writerOf(connectionString)
  }

  // As pg declares it, once with a callback and once with a promise.
  override connect (callback?: Callback): any {
    if (!this.writer) return callback ? super.connect(callback) : super.connect()
    const connected = this.connectToWriter(this.writer)
    if (!callback) return connected
    connected.then(() => callback(null, this), callback)
  }

  private async connectToWriter (writer: Writer): Promise<void> {
    const url = await writer.find()
    const { stream } = this.connection
    // The pool gives up in this way. A stream that is destroyed would connect nevertheless.
    if (stream.destroyed) throw new Error('timeout exceeded when trying to connect')
    const { host, port } = new pg.Client({ connectionString: url })
    Object.assign(this, { host, port })
    const connection = { url, disconnect: () => this.disconnect() }
    this.hostConnection = connection
    writer.connections.add(connection)
    this.once('end', () => writer.connections.delete(connection))
    this.on('error', () => this.reportHostFailure())
    try {
      await super.connect()
      await assertWritable({ query: super.query.bind(this) } as Pick<pg.ClientBase, 'query'>)
    } catch (error) {
      this.reportHostFailure()
      this.end().catch(() => {})
      throw error
    }
  }

  /** Drops the connection without a word to the server, which may never answer. A pool forgets an idle one at once. */
  disconnect (): void {
    this.connection.stream.destroy()
    this.emit('error', new Error('Connection terminated: another server takes the writes'))
  }

  /** Reports that this connection failed. Without several hosts it does nothing. */
  reportHostFailure (): void {
    if (this.hostConnection) this.writer?.reportFailure(this.hostConnection.url)
  }
}
