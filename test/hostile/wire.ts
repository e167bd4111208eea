import { connect } from 'node:net'

/** A request as bytes: `target`, header values and `body` are written as they stand, one byte a character. */
export interface WireRequest {
  method: string
  target: string
  headers: [name: string, value: string][]
  body: string | undefined
  host?: string
}

export interface WireAnswer {
  status: number
  /** As they came; names in lower case. */
  headers: [name: string, value: string][]
  header: (name: string) => string
  body: string
}

/** Longer than any answer may take, on a busy machine too. */
const HANGS_MS = 20_000

/** Sends bytes that no client library would send, and reads until the server closes. Throws when it does not. */
export async function sendBytes (url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const chunks: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    const hangs = setTimeout(
      () =>
        socket.destroy(
          new Error(`No end after ${HANGS_MS} ms, and so far: ${Buffer.concat(chunks).toString('latin1')}`)
        ),
      HANGS_MS
    )
    socket.on('data', (chunk) => chunks.push(chunk))
    // What refuses a body without reading it may close while the rest is being written.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!['EPIPE', 'ECONNRESET'].includes(error.code ?? '')) reject(error)
    })
    socket.on('close', () => {
      clearTimeout(hangs)
      resolve()
    })
    socket.write(Buffer.from(bytes, 'latin1'))
  })
  return Buffer.concat(chunks).toString('latin1')
}

/** One request on a connection of its own. */
export async function send (
  url: string,
  { method, target, headers, body, host = new URL(url).host }: WireRequest
): Promise<WireAnswer> {
  const head = [
    `${method} ${target} HTTP/1.1`,
    ...[
      ['host', host],
      ...headers,
      ...(body === undefined ? [] : [['content-length', String(body.length)]]),
      ['connection', 'close']
    ].map(([name, value]) => `${name}: ${value}`)
  ].join('\r\n')
  return readAnswer(await sendBytes(url, `${head}\r\n\r\n${body ?? ''}`))
}

/** The parts of an answer; throws when it is none. */
export function readAnswer (text: string): WireAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n')
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine) ?? []
  if (status === undefined) throw new Error(`This is no answer: ${JSON.stringify(text.slice(0, 300))}`)
  if (status === '100') return readAnswer(text.slice(end + 4))
  const headers = lines.map((line): [string, string] => [
    line.slice(0, line.indexOf(':')).toLowerCase(),
    line.slice(line.indexOf(':') + 1).trim()
  ])
  const header = (name: string) =>
    headers
      .filter(([own]) => own === name)
      .map(([, value]) => value)
      .join(', ')
  const rest = text.slice(end + 4)
  const body = header('transfer-encoding') === 'chunked' ? unchunk(rest) : rest
  return { status: Number(status), headers, header, body: Buffer.from(body, 'latin1').toString() }
}

function unchunk (text: string): string {
  const end = text.indexOf('\r\n')
  const length = Number.parseInt(text.slice(0, end), 16)
  return length > 0 ? text.slice(end + 2, end + 2 + length) + unchunk(text.slice(end + 2 + length + 2)) : ''
}
