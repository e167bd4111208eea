import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

export interface FakeForwardProxy {
  /** With the user name and password that it demands. */
  url: string
  /** `host:port` of each CONNECT, in order. */
  connects: () => string[]
  /** Forgets them. */
  reset: () => void
  /** Answers each CONNECT so from now on: a status, or not at all. */
  misbehave: (how: number | 'hang' | undefined) => void
  /** Connections of clients that are open. */
  open: () => number
  close: () => Promise<void>
}

/**
 * A forward proxy with a password (RFC 9110 section 9.3.6). Every name and address that it is asked for is at this
 * machine, so that a test sees what nobody else can reach.
 */
export async function startFakeForwardProxy (): Promise<FakeForwardProxy> {
  const [user, password] = ['proxy user', 'p@ss:word']
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  let connects: string[] = []
  let fault: number | 'hang' | undefined
  const sockets = new Set<Socket>()

  const server = createServer((_request, response) => { response.writeHead(405).end() })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('connect', (request, client: Socket, head) => {
    client.on('error', () => client.destroy())
    connects.push(request.url ?? '')
    if (fault === 'hang') return client.resume().once('end', () => client.destroy())
    const refusal = request.headers['proxy-authorization'] === authorization ? fault : 407
    if (refusal !== undefined) return client.end(`HTTP/1.1 ${refusal} No\r\ncontent-length: 0\r\n\r\n`)
    const target = connect(Number(request.url?.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      target.write(head)
      target.pipe(client).pipe(target)
    })
    target.on('error', () => client.destroy())
    client.once('close', () => target.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  return {
    url: `http://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}`,
    connects: () => connects,
    reset () { connects = [] },
    misbehave (how) { fault = how },
    open: () => sockets.size,
    async close () {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}
