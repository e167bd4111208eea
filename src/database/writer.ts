import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { urlPerHost } from './hosts.ts'
import { isDatabaseUnavailable } from './unavailable.ts'

/** How long a host may take to say whether it takes writes. */
const ANSWER_TIMEOUT_MS = 1_500
/** How long the others are waited for when the host that just failed says that it takes writes. */
const PREFER_OTHERS_MS = 500
/** How long a search without result stands for the next ones. */
const NEXT_SEARCH_MS = 250

/** A connection to one of the hosts. */
export interface HostConnection { url: string, disconnect: () => void }

/** Which of several hosts takes writes, as one process knows it. */
export interface Writer {
  /** The URL of the host that takes writes. Throws NoWriterError. */
  find: () => Promise<string>
  /**
   * Reports a failure at a host. Unless it is no longer the writer, all hosts are asked at once, and every connection
   * to another one than that found is closed: a connection to a frozen or isolated host would never answer again.
   */
  reportFailure: (url: string) => void
  /** Every open connection is in here. */
  connections: Set<HostConnection>
}

interface Reason { url: string, error: Error & { code?: string } }

/** No host takes writes now. Each reason names its host. */
export class NoWriterError extends Error {
  override name = 'NoWriterError'
  /** That of the first host, where all fail for a reason that does not pass, such as a wrong password. */
  readonly code: string | undefined
  readonly reasons: Reason[]

  constructor (reasons: Reason[]) {
    const told = reasons.map(({ url, error }) => `${hostOf(url)}: ${error.message}`).join('; ')
    super(`no host takes writes (${told})`, { cause: reasons[0]?.error })
    this.reasons = reasons
    const passes = reasons.some(({ error }) => isDatabaseUnavailable(error))
    this.code = passes ? '57P03' : reasons[0]?.error.code
  }
}

/** A host that answers and takes no writes: a standby, or a server that was set read-only. */
export class ReadOnlyError extends Error {
  override name = 'ReadOnlyError'
  /** read_only_sql_transaction */
  readonly code = '25006'
  constructor () { super('the server is read-only') }
}

const writers = new Map<string, Writer>()

/**
 * Shared by all connections of the process with this URL: what one of them notices, the others need not wait for.
 * Undefined for a URL with one host.
 */
export function writerOf (databaseUrl: string): Writer | undefined {
  const urls = urlPerHost(databaseUrl)
  if (urls.length === 1) return undefined
  const writer = writers.get(databaseUrl) ?? createWriter(urls)
  writers.set(databaseUrl, writer)
  return writer
}

function createWriter (urls: string[]): Writer {
  const connections = new Set<HostConnection>()
  let known: string | undefined
  let search: Promise<string> | undefined

  function begin (suspect?: string): Promise<string> {
    known = undefined
    search = findWriter(urls, suspect).then((found) => {
      known = found
      search = undefined
      disconnectOthers(found)
      return found
    }, async (error: unknown) => {
      disconnectOthers(undefined)
      setTimeout(() => { search = undefined }, NEXT_SEARCH_MS).unref()
      throw error
    })
    search.catch(() => {})
    return search
  }

  function disconnectOthers (found: string | undefined): void {
    for (const connection of connections) {
      if (connection.url !== found) connection.disconnect()
    }
  }

  return {
    connections,
    find: async () => known ?? await (search ?? begin()),
    reportFailure (url) { if (url === known) begin(url) }
  }
}

/** Asks all hosts at once. After a failover without fencing two may say yes: then not the one that failed. */
async function findWriter (urls: string[], suspect: string | undefined): Promise<string> {
  const reasons = new Map<string, Error>()
  const ask = (url: string) => assertTakesWrites(url).then(() => url, (error: Error) => {
    reasons.set(url, error)
    throw error
  })
  const others = urls.filter((url) => url !== suspect).map(ask)
  const last = suspect === undefined ? [] : [ask(suspect)]
  try {
    return await Promise.any([...others, ...last.map(async (answer) => {
      const url = await answer
      await Promise.race([Promise.allSettled(others), sleep(PREFER_OTHERS_MS, undefined, { ref: false })])
      return url
    })])
  } catch {
    throw new NoWriterError(urls.map((url) => ({ url, error: reasons.get(url) as Error })))
  }
}

async function assertTakesWrites (url: string): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'signet',
    connectionTimeoutMillis: ANSWER_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await assertWritable(client)
  } finally {
    client.end().catch(() => {})
  }
}

/** Throws a ReadOnlyError: every transaction of a standby is read-only, whatever its settings are. */
export async function assertWritable (client: Pick<pg.ClientBase, 'query'>): Promise<void> {
  const { rows: [row] } = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only')
  if (row?.transaction_read_only !== 'off') throw new ReadOnlyError()
}

/** Without the user and the password. */
function hostOf (url: string): string {
  const { host, port } = new pg.Client({ connectionString: url })
  return `${host}:${port}`
}
