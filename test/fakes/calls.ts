import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

/** The members of a query or a form. One that came several times is the list of its values. */
export type Fields = Record<string, string | string[]>

/** A request as a fake received it. */
export interface Call {
  method: string
  /** Without the query. */
  path: string
  query: Fields
  headers: IncomingHttpHeaders
  /** A form's `Fields`, the value of a JSON body, any other body's text; `undefined` when there was none. */
  body: unknown
  /** Milliseconds since 1970, when the body was complete. */
  at: number
}

export async function readCall (request: IncomingMessage): Promise<Call> {
  const url = new URL(request.url ?? '/', 'http://fake')
  const body = await text(request)
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: toFields(url.searchParams),
    headers: request.headers,
    body: body === '' ? undefined : parse(body, request.headers['content-type'] ?? ''),
    at: Date.now()
  }
}

/** A parameter that came exactly once, as text; repeated ones count as missing (RFC 6749 section 3.1 forbids them). */
export function parameter (fields: unknown, name: string): string | undefined {
  const value =
    typeof fields === 'object' && fields !== null && Object.hasOwn(fields, name)
      ? (fields as Record<string, unknown>)[name]
      : undefined
  return typeof value === 'string' ? value : undefined
}

/** The token of `Authorization: Bearer <token>` (RFC 6750 section 2.1), or of another scheme of the same form. */
export function bearerToken (call: Call, schemes = ['bearer']): string | undefined {
  const [scheme = '', token, ...rest] = (call.headers.authorization ?? '').split(' ')
  return schemes.includes(scheme.toLowerCase()) && rest.length === 0 && token ? token : undefined
}

function toFields (parameters: URLSearchParams): Fields {
  return Object.fromEntries(
    [...new Set(parameters.keys())].map((name) => {
      const values = parameters.getAll(name)
      return [name, values.length === 1 ? (values[0] as string) : values]
    })
  )
}

function parse (body: string, contentType: string): unknown {
  if (contentType.startsWith('application/x-www-form-urlencoded')) return toFields(new URLSearchParams(body))
  if (!contentType.startsWith('application/json')) return body
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
