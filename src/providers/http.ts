import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { Problem } from '../errors.ts'
import { within } from '../within.ts'
import { timed } from './call-times.ts'
import { providerError, providerTimeout, type Step } from './failure.ts'

/** Limits of every call to a provider (SEC-85, SEC-86). */
export const REQUEST_TIMEOUT_MS = 5_000
export const MAX_RESPONSE_BYTES = 1024 * 1024
export const USER_AGENT = 'signet'

/** Connections are used again, without a handshake each time; an idle one is closed before a provider is likely to do it. */
const IDLE_MS = 4_000
const agents = {
  http: shared(new http.Agent({ keepAlive: true, timeout: IDLE_MS })),
  https: shared(new https.Agent({ keepAlive: true, timeout: IDLE_MS }))
}

/** simple-oauth2 copies all that it is given, member by member, but for what says this of itself (@hapi/hoek). */
function shared<Agent extends http.Agent> (agent: Agent): Agent {
  return Object.setPrototypeOf(agent, Object.create(Object.getPrototypeOf(agent), { isImmutable: { value: true } }))
}

export const agentFor = ({ protocol }: URL): http.Agent => protocol === 'https:' ? agents.https : agents.http

export interface ProviderCall {
  provider: string
  step: Step
  method?: string
  headers?: Record<string, string>
  body?: string
  signal?: AbortSignal
}

export interface Answer { status: number, headers: IncomingHttpHeaders, text: string }

/**
 * GETs a JSON object or array: within five seconds, at most a mebibyte, no redirects, status 200 only, JSON by content
 * type and by content. Anything else throws a Problem. `onStatus` may turn a status into an answer of its own.
 */
export async function getJson (url: string, call: ProviderCall, onStatus?: (status: number) => unknown): Promise<unknown> {
  const { provider, step } = call
  const { status, headers, text } = await callLimited(url, call)
  const substitute = onStatus?.(status)
  if (substitute !== undefined) return substitute
  if (status !== 200) throw providerError(provider, step, `HTTP ${status}`)
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '')) throw providerError(provider, step, 'the answer is not JSON')
  try {
    return JSON.parse(text)
  } catch {
    throw providerError(provider, step, 'the answer is not JSON')
  }
}

/** A request with the limits. Follows no redirect. Never throws anything but a Problem. Half the cost of `fetch`. */
export async function callLimited (url: string, call: ProviderCall): Promise<Answer> {
  return await timed(call.provider, call.step, () => within(REQUEST_TIMEOUT_MS, call.signal, (signal) => callOnce(url, call, signal)))
}

async function callOnce (url: string, { provider, step, method = 'GET', headers, body }: ProviderCall, signal: AbortSignal): Promise<Answer> {
  try {
    const allHeaders = {
      accept: 'application/json',
      'user-agent': USER_AGENT,
      ...body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) },
      ...headers
    }
    const answer = await send(new URL(url), { method, headers: allHeaders, body, signal })
    if (answer === 'too large') throw providerError(provider, step, 'the answer is too large')
    return answer
  } catch (error) {
    if (error instanceof Problem) throw error
    if (signal.aborted) throw providerTimeout(provider, step)
    throw providerError(provider, step, networkReason(error))
  }
}

interface Sending { method: string, headers: Record<string, string>, body: string | undefined, signal: AbortSignal }

/** By events: `signal` and `for await` would add listeners and promises to each call. Either way an abort ends the connection. */
async function send (url: URL, { method, headers, body, signal }: Sending): Promise<Answer | 'too large'> {
  if (signal.aborted) throw new Error('aborted')
  return await new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, { agent: agentFor(url), method, headers }, read)
    const abort = () => request.destroy(new Error('aborted'))
    signal.addEventListener('abort', abort, { once: true })
    request.on('error', reject).on('close', () => signal.removeEventListener('abort', abort)).end(body)

    function read (response: IncomingMessage) {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length <= MAX_RESPONSE_BYTES) return
        resolve('too large')
        request.destroy()
      })
      response.on('end', () => resolve({ status: response.statusCode as number, headers: response.headers, text: Buffer.concat(chunks).toString() }))
      // Also when the body breaks off, which a message that has begun tells by itself and not by its request.
      response.on('error', reject)
    }
  })
}

/** The code of a network failure (ECONNREFUSED, CERT_HAS_EXPIRED, ...), which holds nothing that was sent. */
export function networkReason (error: unknown): string {
  const { code } = (error as { cause?: { code?: unknown } }).cause ?? error as { code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'the connection broke'
}
