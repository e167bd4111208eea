import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { parseJson } from '../http/json.ts'
import { timed } from './call-times.ts'
import { providerError, providerTimeout, type Step } from './failure.ts'

/** Limits of every call to a provider (SEC-85, SEC-86). */
const REQUEST_TIMEOUT_MS = 5_000
const MAX_RESPONSE_BYTES = 1024 * 1024
const USER_AGENT = 'signet'

/** Connections are used again, without a handshake each time; an idle one is closed before a provider is likely to do it. */
const IDLE_MS = 4_000
const agents = {
  http: new http.Agent({ keepAlive: true, timeout: IDLE_MS }),
  https: new https.Agent({ keepAlive: true, timeout: IDLE_MS })
}

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
 * GETs a JSON object or array: within five seconds, at most a mebibyte, no redirects, a good status only, JSON by content
 * type and by content. Anything else throws a Problem. `onStatus` may turn a status into an answer of its own.
 */
export async function getJson (url: string, call: ProviderCall, onStatus?: (status: number) => unknown): Promise<unknown> {
  const answer = await callLimited(url, call)
  return onStatus?.(answer.status) ?? readJson(answer, call)
}

/** The JSON of a good answer: 200, or 201, with which frameworks answer a POST unless told otherwise. Anything else throws a Problem. */
export function readJson ({ status, headers, text }: Answer, { provider, step }: Pick<ProviderCall, 'provider' | 'step'>): unknown {
  if (status !== 200 && status !== 201) throw providerError(provider, step, `HTTP ${status}`)
  const value = /^application\/([\w.+-]+\+)?json\b/i.test(headers['content-type'] ?? '') ? parseJson(text) : undefined
  if (value === undefined) throw providerError(provider, step, 'the answer is not JSON')
  return value
}

/** A request with the limits. Follows no redirect. Never throws anything but a Problem. Half the cost of `fetch`. */
export async function callLimited (url: string, call: ProviderCall): Promise<Answer> {
  return await timed(call.provider, call.step, () => callOnce(url, call))
}

async function callOnce (url: string, { provider, step, method = 'GET', headers, body, signal }: ProviderCall): Promise<Answer> {
  try {
    const allHeaders = {
      accept: 'application/json',
      'user-agent': USER_AGENT,
      ...body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) },
      ...headers
    }
    return await send(new URL(url), { method, headers: allHeaders, body, signal })
  } catch (error) {
    if (error === TOO_LATE) throw providerTimeout(provider, step)
    throw providerError(provider, step, error === TOO_LARGE ? 'the answer is too large' : networkReason(error))
  }
}

const TOO_LATE = new Error('too late')
const TOO_LARGE = new Error('too large')

interface Sending { method: string, headers: Record<string, string>, body: string | undefined, signal: AbortSignal | undefined }

/** By events: `signal` and `for await` would add listeners and promises to each call. Giving up ends the connection. */
async function send (url: URL, { method, headers, body, signal }: Sending): Promise<Answer> {
  if (signal?.aborted) throw TOO_LATE
  return await new Promise((resolve, reject) => {
    const { client, agent } = url.protocol === 'https:' ? { client: https, agent: agents.https } : { client: http, agent: agents.http }
    const request = client.request(url, { agent, method, headers }, read)
    const giveUp = () => request.destroy(TOO_LATE)
    const timer = setTimeout(giveUp, REQUEST_TIMEOUT_MS)
    signal?.addEventListener('abort', giveUp, { once: true })
    request.on('error', reject).on('close', () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
    }).end(body)

    function read (response: IncomingMessage) {
      const chunks: Buffer[] = []
      let length = 0
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        chunks.push(chunk)
        if (length > MAX_RESPONSE_BYTES) request.destroy(TOO_LARGE)
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
