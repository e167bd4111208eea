import { Problem } from '../errors.ts'
import { timed } from './call-times.ts'
import { providerError, providerTimeout, type Step } from './failure.ts'

/** Limits of every call to a provider (SEC-85, SEC-86). */
export const REQUEST_TIMEOUT_MS = 5_000
export const MAX_RESPONSE_BYTES = 1024 * 1024
export const USER_AGENT = 'signet'

export interface ProviderCall {
  provider: string
  step: Step
  method?: string
  headers?: Record<string, string>
  body?: string
  signal?: AbortSignal
}

/**
 * GETs a JSON object or array: within five seconds, at most a mebibyte, no redirects, status 200 only, JSON by content
 * type and by content. Anything else throws a Problem. `onStatus` may turn a status into an answer of its own.
 */
export async function getJson (url: string, call: ProviderCall, onStatus?: (status: number) => unknown): Promise<unknown> {
  const { provider, step } = call
  const response = await callLimited(url, call)
  const substitute = onStatus?.(response.status)
  if (substitute !== undefined) return substitute
  if (response.status !== 200) throw providerError(provider, step, `HTTP ${response.status}`)
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(response.headers.get('content-type') ?? '')) throw providerError(provider, step, 'the answer is not JSON')
  try {
    return await response.json()
  } catch {
    throw providerError(provider, step, 'the answer is not JSON')
  }
}

/** `fetch` with the limits; the body has been read and is small. Never throws anything but a Problem. */
export async function callLimited (url: string, call: ProviderCall): Promise<Response> {
  return await timed(call.provider, call.step, () => callOnce(url, call))
}

async function callOnce (url: string, { provider, step, method = 'GET', headers, body: content, signal }: ProviderCall): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  try {
    const response = await fetch(url, {
      method,
      ...content === undefined ? {} : { body: content },
      headers: { accept: 'application/json', 'user-agent': USER_AGENT, ...headers },
      redirect: 'manual',
      signal: signal ? AbortSignal.any([timeout, signal]) : timeout
    })
    const body = await readLimited(response)
    if (body === undefined) throw providerError(provider, step, 'the answer is too large')
    return new Response(response.status === 204 || response.status === 304 ? null : body, { status: response.status, headers: response.headers })
  } catch (error) {
    if (error instanceof Problem) throw error
    if (timeout.aborted || signal?.aborted) throw providerTimeout(provider, step)
    throw providerError(provider, step, networkReason(error))
  }
}

async function readLimited (response: Response): Promise<Buffer<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_RESPONSE_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The code of a network failure (ECONNREFUSED, CERT_HAS_EXPIRED, ...), which holds nothing that was sent. */
export function networkReason (error: unknown): string {
  const { code } = (error as { cause?: { code?: unknown } }).cause ?? error as { code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'the connection broke'
}
