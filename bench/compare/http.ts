import { Agent, request } from 'node:http'

/** The same for every server: at most eight connections to each, kept open, used again. */
export const CONCURRENCY = 8
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })

export interface Call { method?: 'GET' | 'POST', headers?: Record<string, string>, body?: string }

export interface Answer { status: number, location: string, cookies: string, text: string }

/** Follows no redirect. Throws when the status is neither 200 nor 302. */
export async function call (url: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Answer> {
  const answer = await send(url, { method, headers: body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) } }, body)
  if (answer.status !== 200 && answer.status !== 302) throw new Error(`${method} ${url}: ${answer.status} ${answer.text.slice(0, 300)}`)
  return answer
}

async function send (url: string, options: { method: string, headers: Record<string, string> }, body?: string): Promise<Answer> {
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

export const asJson = (body: object, headers: Record<string, string> = {}): Call => ({ method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) })
export const asForm = (form: Record<string, string>): Call => ({ method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString() })
