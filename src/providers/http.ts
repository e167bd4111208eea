import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import https from 'node:https'
import { createGunzip } from 'node:zlib'
import { Problem } from '../http/errors.ts'
import { toErrorWord } from '../http/failure-origin.ts'
import { parseJson } from '../http/json.ts'
import { agentFor, isIdleReset, runExchange, type Exchange } from './agent.ts'
import { timed } from './call-times.ts'
import { member } from './claims.ts'
import { providerError, providerTimeout, type ProviderResponse, type Step } from './failure.ts'

/** The size limit of an answer, decoded (SEC-86). */
export const MAX_ANSWER_BYTES = 1024 * 1024
export const USER_AGENT = 'signet'

/** What a call is made for: `provider` is the name that people know, as problems name it. */
export interface CallPurpose {
  provider: string
  step: Step
  signal?: AbortSignal | undefined
  /** What the request holds that must not be logged, should the provider repeat it. */
  secrets?: readonly string[]
}

export interface ProviderCall extends CallPurpose {
  method?: string
  headers?: Record<string, string>
  body?: string
}

/** The head of an answer. */
export interface AnswerHead { status: number, headers: IncomingHttpHeaders }

export interface ProviderAnswer extends AnswerHead { text: string }

/**
 * GETs JSON within the limits of `callProvider`. Throws a Problem unless the status is 200 or 201 and the answer is
 * JSON. `onStatus` may turn a status into a value of its own.
 */
export async function getJson (
  url: string, call: ProviderCall, onStatus?: (status: number) => unknown
): Promise<unknown> {
  const answer = await callProvider(url, call)
  const secrets = [call.headers?.['authorization']?.split(' ').at(-1) ?? '']
  return onStatus?.(answer.status) ?? acceptJson(answer, parseJson(answer.text), { ...call, secrets })
}

/**
 * Accepts the JSON of an answer, whatever its content type: Deezer says `text/html`, others `text/plain`
 * (golang/oauth2#542). `value` is undefined where the answer did not parse. Throws a Problem unless the status is 200
 * or 201 and the answer is JSON.
 */
export function acceptJson (head: AnswerHead, value: unknown, purpose: CallPurpose): unknown {
  assertSuccess(head, value, purpose)
  const { provider, step } = purpose
  if (value !== undefined) return value
  throw providerError(provider, step, 'the answer is not JSON', { providerStatus: head.status })
}

/**
 * Throws a Problem unless the status is 200, or 201, with which frameworks answer a POST by default. `value` is the
 * JSON of the answer, if any.
 */
export function assertSuccess (head: AnswerHead, value: unknown, purpose: CallPurpose): void {
  const { status } = head
  if (status === 200 || status === 201) return
  const { provider, step } = purpose
  throw providerError(provider, step, `HTTP ${status}`, toProviderResponse(head, value, purpose))
}

/**
 * What the log says of a provider's answer: its status and its `error`, of the JSON or of the challenge (RFC 6750
 * section 3). Where that is an object, as in Facebook's and Google's APIs, its type.
 */
export function toProviderResponse (
  { status, headers }: AnswerHead, value: unknown, { secrets }: Pick<CallPurpose, 'secrets'> = {}
): ProviderResponse {
  const error = member(value, 'error') ?? /\berror="([^"]*)"/.exec(headers['www-authenticate'] ?? '')?.[1]
  const word = typeof error === 'object' ? member(error, 'type') ?? member(error, 'status') : error
  return { providerStatus: status, providerError: toErrorWord(word, secrets) }
}

/**
 * One request within five seconds and a mebibyte. Follows no redirect. A GET is sent once more, over a connection of
 * its own, when the host had closed an idle one (node-fetch#1735); nothing else is sent twice. Any status is an answer;
 * throws `provider_timeout` or `provider_error` where there is none.
 */
export async function callProvider (url: string, call: ProviderCall): Promise<ProviderAnswer> {
  return await withinLimits(call, async (exchange) => {
    return await send(new URL(url), call).catch(async (error) => {
      if (!(error instanceof IdleReset)) throw error
      exchange.needsFreshConnection = true
      return await runExchange(exchange, () => send(new URL(url), call))
    })
  })
}

/** Runs `work`, which makes one request through the agent. Throws a Problem where there is no answer. */
export async function withinLimits<Result extends AnswerHead> (
  { provider, step, signal }: CallPurpose, work: (exchange: Exchange) => Promise<Result>
): Promise<Result> {
  return await timed(provider, step, async () => {
    if (signal?.aborted) throw providerTimeout(provider, step)
    const exchange: Exchange = { signal, isLate: false, response: undefined }
    try {
      return await runExchange(exchange, () => work(exchange))
    } catch (error) {
      if (exchange.isLate) throw providerTimeout(provider, step)
      if (error instanceof Problem) throw error
      const reason = error instanceof AnswerTooLarge ? 'the answer is too large' : networkReason(error)
      throw providerError(provider, step, reason)
    }
  })
}

export class AnswerTooLarge extends Error {}

/** A GET met a connection that the host had closed. */
class IdleReset extends Error {}

/** Half the cost of `fetch`. */
async function send (url: URL, { method = 'GET', headers, body }: ProviderCall): Promise<ProviderAnswer> {
  return await new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    const allHeaders = {
      accept: 'application/json', 'accept-encoding': 'gzip', 'user-agent': USER_AGENT, ...length, ...headers
    }
    const client = url.protocol === 'https:' ? https : http
    const request = client.request(url, { agent: agentFor(url), method, headers: allHeaders }, (response) => {
      const { statusCode: status = 0, headers } = response
      readBody(response).then((body) => resolve({ status, headers, text: decodeText(body, headers) }), (error) => {
        request.destroy()
        reject(error)
      })
    })
    const fail = (error: Error) => reject(method === 'GET' && isIdleReset(request, error) ? new IdleReset() : error)
    request.on('error', fail).end(body)
  })
}

/** Decodes what `Accept-Encoding` asked for, and counts what comes out. Rejects when the body breaks off. */
async function readBody (response: IncomingMessage): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const isGzip = /^(x-)?gzip$/i.test(response.headers['content-encoding'] ?? '')
    const body = isGzip ? response.pipe(createGunzip()) : response
    const chunks: Buffer[] = []
    let length = 0
    body.on('data', (chunk: Buffer) => {
      length += chunk.length
      chunks.push(chunk)
      if (length > MAX_ANSWER_BYTES) body.destroy(new AnswerTooLarge())
    })
    body.on('end', () => resolve(Buffer.concat(chunks)))
    body.on('error', reject)
    if (isGzip) response.on('error', reject)
  })
}

/**
 * The text of a body, without a byte-order mark: UTF-8 (RFC 8259 section 8.1), or what is not UTF-8 by the charset of
 * its content type.
 */
function decodeText (body: Buffer, headers: IncomingHttpHeaders): string {
  try {
    return STRICT_UTF_8.decode(body)
  } catch {
    const [, charset] = /;\s*charset="?([\w-]+)/i.exec(headers['content-type'] ?? '') ?? []
    return decoderOf(charset).decode(body)
  }
}

const STRICT_UTF_8 = new TextDecoder('utf-8', { fatal: true })

function decoderOf (charset: string | undefined) {
  try {
    return new TextDecoder(charset)
  } catch {
    return new TextDecoder()
  }
}

/** The code of a network failure (ECONNREFUSED, CERT_HAS_EXPIRED, ...), which holds nothing that was sent. */
export function networkReason (error: unknown): string {
  const { code } = (error as { cause?: { code?: unknown } }).cause ?? error as { code?: unknown }
  return typeof code === 'string' && /^[A-Z0-9_]+$/.test(code) ? code : 'the connection broke'
}
