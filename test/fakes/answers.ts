import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** A whole response, as data. */
export interface Answer {
  status: number
  headers: OutgoingHttpHeaders
  body: string
}

export interface AnswerOptions { status?: number, headers?: OutgoingHttpHeaders }

export function answerJson (value: unknown, { status = 200, headers = {} }: AnswerOptions = {}): Answer {
  return { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, body: JSON.stringify(value) ?? '' }
}

export function answerHtml (body: string, { status = 200, headers = {} }: AnswerOptions = {}): Answer {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8', ...headers }, body }
}

export function answerEmpty (status: number): Answer {
  return { status, headers: {}, body: '' }
}

/** 302 to `location`; `parameters` are added to its query, except those that are `undefined`. */
export function answerRedirect (location: string, parameters: Record<string, string | undefined> = {}): Answer {
  const added = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  if (added.length === 0) return { status: 302, headers: { location }, body: '' }
  const url = new URL(location)
  for (const [name, value] of added) url.searchParams.append(name, value)
  return { status: 302, headers: { location: url.href }, body: '' }
}

export function send (response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { ...headers, ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }) })
  response.end(body)
}
