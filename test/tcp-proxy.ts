import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'

/**
 * Stands before a server, and on demand swallows every byte in both directions, as a network does that drops packets.
 */
export interface TcpProxy {
  port: number
  swallow: (on: boolean) => void
  /** Ends every connection, with a reset in place of an orderly end: a server's machine does so after a crash. */
  reset: () => void
  close: () => Promise<void>
}

export async function startTcpProxy (target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let isSwallowing = false
  const server = createServer((client) => {
    const upstream = createConnection(target, '127.0.0.1')
    for (const [from, to] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      sockets.add(from)
      from.on('data', (bytes) => {
        if (!isSwallowing) to.write(bytes)
      })
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    swallow (on) {
      isSwallowing = on
      // What has lost bytes is of no more use: it would be a stream with a hole in it.
      if (!on) for (const socket of sockets) socket.destroy()
    },
    reset () {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    async close () {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}
