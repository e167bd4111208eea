import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** A whole response, as data. */
export interface FakeAnswer {
  status: number
  headers: OutgoingHttpHeaders
  body: string | Buffer
}

export interface AnswerOptions {
  status?: number
  headers?: OutgoingHttpHeaders
}

export function answerJson (value: unknown, { status = 200, headers = {} }: AnswerOptions = {}): FakeAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value) ?? ''
  }
}

export function answerHtml (body: string, { status = 200, headers = {} }: AnswerOptions = {}): FakeAnswer {
  return { status, headers: { 'content-type': 'text/html; charset=utf-8', ...headers }, body }
}

export function answerEmpty (status: number): FakeAnswer {
  return { status, headers: {}, body: '' }
}

/** 302 to `location`; `parameters` are added to its query, except those that are `undefined`. */
export function answerRedirect (location: string, parameters: Record<string, string | undefined> = {}): FakeAnswer {
  const added = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  if (added.length === 0) return { status: 302, headers: { location }, body: '' }
  const url = new URL(location)
  for (const [name, value] of added) url.searchParams.append(name, value)
  return { status: 302, headers: { location: url.href }, body: '' }
}

/**
 * A page that posts `parameters` to `action` by itself (OAuth 2.0 Form Post Response Mode); those that are `undefined`
 * are left out.
 */
export function answerForm (action: string, parameters: Record<string, string | undefined>): FakeAnswer {
  const fields = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined)
  const inputs = fields
    .map(([name, value]) => `<input type="hidden" name="${escape(name)}" value="${escape(value)}">`)
    .join('\n')
  return answerHtml(`<!doctype html><title>Signing in</title>
<form method="post" action="${escape(action)}">
${inputs}
<noscript><button>Continue</button></noscript>
</form>
<script>document.forms[0].submit()</script>`)
}

/** What the page of `answerForm` would post, and where. */
export function readForm (page: string): { action: string, fields: Record<string, string> } {
  const action = /<form method="post" action="([^"]*)">/.exec(page)?.[1]
  if (action === undefined) throw new Error(`There is no form in: ${page.slice(0, 500)}`)
  const fields = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(
    ([, name = '', value = '']) => [unescape(name), unescape(value)]
  )
  return { action: unescape(action), fields: Object.fromEntries(fields) }
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '\r': '&#13;', '\n': '&#10;' }

function escape (text: string): string {
  return text.replace(/[&<>"'\r\n]/g, (character) => ENTITIES[character as keyof typeof ENTITIES])
}

function unescape (text: string): string {
  return Object.entries(ENTITIES).reduceRight(
    (result, [character, entity]) => result.replaceAll(entity, character),
    text
  )
}

export function send (response: ServerResponse, { status, headers, body }: FakeAnswer): void {
  const length = body.length === 0 ? {} : { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, { ...headers, ...length })
  response.end(body)
}
