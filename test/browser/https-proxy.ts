import { once } from 'node:events'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { makeCertificate } from '../certificate.ts'

export interface HttpsProxy {
  /** `https://localhost:<port>` */
  url: string
  /** What it stands in front of; told once its own URL is known there. */
  target: (url: string) => void
  /** Changes the Set-Cookie lines that pass from now on. */
  setCookie: (change: (line: string) => string) => void
}

/** An https server in front of another; its certificate is made for this run and signed by itself. */
export async function startHttpsProxy (t: Test): Promise<HttpsProxy> {
  let origin = new URL('http://127.0.0.1:9')
  let change = (line: string) => line
  const server = createServer(await makeCertificate(t), (incoming, answer) => {
    const { method, headers, url: path } = incoming
    const outgoing = request(new URL(path ?? '/', origin), { method, headers }, (response) => {
      const { 'set-cookie': lines, ...rest } = response.headers
      answer.writeHead(response.statusCode ?? 502, { ...rest, ...(lines && { 'set-cookie': lines.map(change) }) })
      response.pipe(answer)
    })
    outgoing.on('error', () => answer.destroy())
    incoming.pipe(outgoing)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}`,
    target (url) { origin = new URL(url) },
    setCookie (next) { change = next }
  }
}
