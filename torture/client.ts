import { createBrowser } from '../test/fakes/browser.ts'
import { createPkce } from '../test/fakes/pkce.ts'
import { readJson } from '../test/helper.ts'
import type { Instance } from './instance.ts'

export interface Tokens {
  access_token: string
  refresh_token: string
  user: { id: string }
}

/** Status 0: there was no answer. */
export interface TimedAnswer {
  status: number
  body: any
  milliseconds: number
  headers: Headers | undefined
}

export interface CallOptions {
  at?: number
  signal?: AbortSignal
  address?: string
}

export interface LoginOptions {
  at?: number
  provider?: string
}

/** What clients of Signet do; `at` is the instance. */
export interface Client {
  url: (at?: number) => string
  call: (
    method: string,
    path: string,
    options?: CallOptions & { token?: string, body?: object, headers?: Record<string, string> }
  ) => Promise<TimedAnswer>
  /** Takes a login of the person `name` up to the callback. Returns the callback, which may be called again. */
  prepare: (name: string, options?: LoginOptions) => Promise<(at?: number) => Promise<TimedAnswer>>
  /** A whole login; throws when it fails. */
  login: (name: string, options?: LoginOptions) => Promise<Tokens>
  /** A login at the OpenID provider. */
  loginAtAcme: (at?: number) => Promise<TimedAnswer>
  /** A code for the client `app`, with the parameters to exchange it, or to link with it. */
  code: (
    name: string,
    options?: LoginOptions & { intent?: 'link' }
  ) => Promise<Record<'code' | 'code_verifier' | 'redirect_uri' | 'client_id', string>>
  refresh: (refreshToken: string, options?: CallOptions) => Promise<TimedAnswer>
  me: (accessToken: string, options?: CallOptions) => Promise<TimedAnswer>
}

/** The client that is known to Signet. */
export const APP = { client_id: 'app', redirect_uri: 'https://app.invalid/callback' }

/** The session that an access token is of. */
export const sessionOf = (accessToken: string): string =>
  JSON.parse(Buffer.from(accessToken.split('.')[1] as string, 'base64url').toString()).sid

let people = 0
/** An address of one's own: rate limits count by it. */
export const newAddress = () => `10.${[people >> 16, people >> 8, people++].map((part) => part & 255).join('.')}`

export function createClient (issuer: string, instances: () => Instance[]): Client {
  const url = (at = 0) => instances()[at % 2]?.url as string

  async function send (address: string, init: RequestInit = {}): Promise<TimedAnswer> {
    const beganAt = performance.now()
    const end = (status: number, body: unknown, headers?: Headers) => ({
      status,
      body,
      headers,
      milliseconds: performance.now() - beganAt
    })
    try {
      const response = await fetch(address, { redirect: 'manual', signal: AbortSignal.timeout(30_000), ...init })
      return end(
        response.status,
        response.headers.get('content-type')?.includes('json') ? await readJson(response) : await response.text(),
        response.headers
      )
    } catch (error) {
      return end(0, String((error as Error).cause ?? error))
    }
  }

  async function call (
    method: string,
    path: string,
    { at = 0, signal, address = newAddress(), token, body, headers = {} }: Parameters<Client['call']>[2] = {}
  ) {
    const more = {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' })
    }
    return await send(url(at) + path, {
      method,
      headers: { 'x-forwarded-for': address, ...more, ...headers },
      ...(signal ? { signal } : {}),
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
  }

  /** From any page that leads to the provider: the callback. */
  async function begin (path: string, name: string, provider: string, at: number) {
    const headers = { 'x-forwarded-for': newAddress() }
    const started = await send(url(at) + path, { headers })
    if (started.status !== 302) {
      throw new Error(`The login did not start: ${started.status} ${JSON.stringify(started.body)}`)
    }
    const state = new URL(started.headers?.get('location') as string).searchParams.get('state') as string
    const cookie = started.headers
      ?.getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ') as string
    const query = new URLSearchParams({ code: name, state })
    return (back = at) => send(`${url(back)}/login/${provider}/callback?${query}`, { headers: { ...headers, cookie } })
  }

  const prepare: Client['prepare'] = (name, { at = 0, provider = 'swift' } = {}) =>
    begin(`/login/${provider}`, name, provider, at)

  return {
    url,
    call,
    prepare,
    async login (name, options) {
      const answer = await (await prepare(name, options))()
      if (answer.status !== 200) {
        throw new Error(`The login was answered with ${answer.status} ${JSON.stringify(answer.body)}`)
      }
      return answer.body
    },
    async loginAtAcme (at = 0) {
      const headers = { 'x-forwarded-for': newAddress() }
      const browser = createBrowser(url(at))
      const started = await browser.get('/login/acme', { headers })
      if (started.location === undefined) {
        return { status: started.status, body: started.json(), headers: started.headers, milliseconds: 0 }
      }
      const callback = (await browser.authorize(started.location)).replace(issuer, url(at))
      const beganAt = performance.now()
      const answer = await browser.get(callback, { headers })
      return {
        status: answer.status,
        body: answer.json(),
        headers: answer.headers,
        milliseconds: performance.now() - beganAt
      }
    },
    async code (name, { at = 0, provider = 'swift', intent } = {}) {
      const { verifier, challenge } = createPkce()
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: APP.client_id,
        redirect_uri: APP.redirect_uri,
        code_challenge: challenge,
        code_challenge_method: 'S256',
        state: 's',
        provider,
        ...(intent ? { intent } : {})
      })
      const answer = await (await begin(`/oauth2/authorize?${query}`, name, provider, at))()
      const location = new URL(answer.headers?.get('location') ?? 'http://none')
      return { ...APP, code: location.searchParams.get('code') ?? '', code_verifier: verifier }
    },
    refresh: (refreshToken, options) =>
      call('POST', '/oauth2/token', { ...options, body: { grant_type: 'refresh_token', refresh_token: refreshToken } }),
    me: (accessToken, options) => call('GET', '/me', { ...options, token: accessToken })
  }
}
