import { request } from 'node:http'
import t from 'tap'
import { basic, setupWithClients, WEB } from './setup-with-clients.ts'

const { url, signIn } = await setupWithClients(t)
const { access_token: accessToken } = await signIn()

/** What is on the wire: fetch of older versions of Node hides a wrong length. */
function ask (method: string, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number | undefined, headers: Record<string, unknown>, body: string }>(
    (resolve, reject) => {
      request(url + path, { method, headers, agent: false }, (response) => {
        let body = ''
        response.on('data', (chunk) => { body += chunk })
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }))
      }).on('error', reject).end()
    }
  )
}

const CACHED: [string, Record<string, string>][] = [
  ['/me/preferences', { authorization: `Bearer ${accessToken}` }],
  ['/revocations', basic(WEB.client_secret)]
]

for (const [path, headers] of CACHED) {
  t.test(`a 304 of ${path} has neither a body nor its length`, async (t) => {
    for (const method of ['GET', 'HEAD']) {
      const whole = await ask(method, path, headers)
      t.equal(whole.status, 200)
      t.ok(Number(whole.headers['content-length']) > 0, 'the 200 has a length')
      const etag = String(whole.headers['etag'])
      const again = await ask(method, path, { ...headers, 'if-none-match': etag })
      t.match(again, { status: 304, body: '', headers: { etag } })
      for (const name of ['content-length', 'content-type', 'transfer-encoding']) {
        t.equal(again.headers[name], undefined, `${method}: ${name}`)
      }
    }
  })
}
