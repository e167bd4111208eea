import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'

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

async function makeCertificate (t: Test): Promise<{ key: Buffer, cert: Buffer }> {
  const folder = await mkdtemp(join(tmpdir(), 'signet-https-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  await promisify(execFile)('openssl', ['req', '-x509', ...options, '-keyout', key, '-out', cert])
  return { key: await readFile(key), cert: await readFile(cert) }
}
