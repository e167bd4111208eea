import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

type Document = Record<string, unknown>

export interface FakeDocument {
  /** Where it is, which is the client id. */
  url: string
  origin: string
  /** How often it was fetched. */
  fetches: () => number
  /** Replaces members of the document; undefined takes one away. */
  change: (members: Document) => void
  /** Sent with the document from now on. */
  headers: (headers: Record<string, string>) => void
  /** Answers in place of the document from now on. */
  answer: (listener: RequestListener) => void
  close: () => void
}

/** A client's web server on a loopback port, which serves its metadata document. Over https with `tls`. */
export async function startFakeDocument (
  members: Document = {}, tls?: { key: Buffer, cert: Buffer }
): Promise<FakeDocument> {
  let fetches = 0
  let document: Document = {}
  let headers: Record<string, string> = { 'cache-control': 'max-age=3600' }
  let listener: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(document))
  }
  const serve: RequestListener = (request, response) => {
    fetches++
    listener(request, response)
  }
  const server: Server = tls ? createTlsServer(tls, serve) : createServer(serve)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const origin = `${tls ? 'https' : 'http'}://localhost:${port}`
  const url = `${origin}/client.json`
  document = {
    client_id: url,
    client_name: 'Notes helper',
    redirect_uris: [`${origin}/callback`, 'http://127.0.0.1/callback'],
    ...members
  }
  return {
    url,
    origin,
    fetches: () => fetches,
    change: (members) => { document = { ...document, ...members } },
    headers: (more) => { headers = more },
    answer: (other) => { listener = other },
    close () {
      server.closeAllConnections()
      server.close()
    }
  }
}
