import { Agent, request } from 'node:http'

/** Requests in flight at once, at every server: so many connections, kept open and used again. */
export const CONCURRENCY = 16
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })

/** A browser's, since servers store it with the session. */
const USER_AGENT = 'Mozilla/5.0 (X11; Linux x64; rv:140.0) Gecko/20100101 Firefox/140.0'

export interface Call { method?: 'GET' | 'POST', headers?: Record<string, string>, body?: string }

export interface Response { status: number, location: string, cookies: string, text: string }

/** Sends one request and follows no redirect. Throws unless the status is 200 or 302. */
export async function call (url: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Response> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const response = await send(url, { method, headers: { 'user-agent': USER_AGENT, ...headers, ...length } }, body)
  if (response.status !== 200 && response.status !== 302) {
    throw new Error(`${method} ${url}: ${response.status} ${response.text.slice(0, 300)}`)
  }
  return response
}

type SendOptions = { method: string, headers: Record<string, string> }

async function send (url: string, options: SendOptions, body?: string): Promise<Response> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { agent, ...options }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => { text += chunk })
      response.on('error', reject)
      response.on('end', () => resolve({
        status: response.statusCode ?? 0,
        location: response.headers.location ?? '',
        cookies: (response.headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; '),
        text
      }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

export const asJson = (body: object, headers: Record<string, string> = {}): Call =>
  ({ method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) })

export const asForm = (form: Record<string, string>): Call => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(form).toString()
})
