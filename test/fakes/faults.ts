import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { answerHtml, answerJson, answerRedirect, send } from './answers.ts'

/** The ways in which a provider can fail: those of F6 and F7 in docs/reliability.md, and a few more. */
export type Fault =
  /** This status; `body` is JSON unless it is a string. */
  | { kind: 'status', status: number, body?: unknown, contentType?: string, headers?: OutgoingHttpHeaders }
  /** Takes the request and never answers. */
  | { kind: 'hang' }
  /** Headers at once, then a byte of JSON every 200 ms, for ever. */
  | { kind: 'drip' }
  /** Destroys the socket (RST where the system allows it). */
  | { kind: 'reset' }
  /** 50 MB of sound JSON, as fast as the client takes it, until the client closes. */
  | { kind: 'huge' }
  /** 200 `application/json` whose JSON breaks off. */
  | { kind: 'malformed' }
  /** 200 `text/html`: a captive portal, a maintenance page. */
  | { kind: 'html' }
  /** 302 to `location`. */
  | { kind: 'redirect', location: string }
  /** 200 with this JSON value. */
  | { kind: 'json', value: unknown }
  /** The normal answer, `ms` milliseconds later. */
  | { kind: 'delay', ms: number }

const DRIP_INTERVAL_MS = 200
const HUGE_BYTES = 50 * 1024 * 1024
const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' }

/** Plays a fault instead of an answer. Endless ones end when the client, or the fake, closes the socket. */
export function play (fault: Exclude<Fault, { kind: 'delay' }>, response: ServerResponse): void {
  switch (fault.kind) {
    case 'status':
      return playStatus(fault, response)
    case 'hang':
      return
    case 'drip':
      return drip(response)
    case 'reset':
      return reset(response)
    case 'huge':
      return stream(response)
    case 'malformed':
      return send(response, { status: 200, headers: JSON_HEADERS, body: '{"access_token":"gho_' })
    case 'html':
      return send(response, answerHtml('<!doctype html><title>Back soon</title><p>Down for maintenance'))
    case 'redirect':
      return send(response, answerRedirect(fault.location))
    case 'json':
      return send(response, answerJson(fault.value))
  }
}

function playStatus (
  { status, body = '', contentType, headers = {} }: Extract<Fault, { kind: 'status' }>,
  response: ServerResponse
): void {
  const isText = typeof body === 'string'
  send(response, {
    status,
    headers: {
      'content-type': contentType ?? (isText ? 'text/plain; charset=utf-8' : JSON_HEADERS['content-type']),
      ...headers
    },
    body: isText ? body : JSON.stringify(body)
  })
}

function drip (response: ServerResponse): void {
  response.writeHead(200, JSON_HEADERS)
  response.write('{')
  const timer = setInterval(() => response.write(' '), DRIP_INTERVAL_MS)
  response.once('close', () => clearInterval(timer))
}

function reset (response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}

function stream (response: ServerResponse): void {
  response.writeHead(200, JSON_HEADERS)
  // The client is meant to hang up in the middle.
  pipeline(Readable.from(hugeJson()), response).catch(() => {})
}

function * hugeJson (): Generator<string> {
  const chunk = 'x'.repeat(64 * 1024)
  yield '{"filler":"'
  for (let sent = 0; sent < HUGE_BYTES; sent += chunk.length) yield chunk
  yield '"}'
}
