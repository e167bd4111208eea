import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'

/** What a client does at each server. An operation is measured; what it needs is made before by `prepare`. */
export interface Operation {
  prepare?: (count: number) => Promise<string[]>
  /** So many are enough, used again and again, as clients check one session many times; else each works once. */
  reusable?: number
  run: (input: string) => Promise<void>
}

let person = 0
/** The stub takes any code for a person of that name; 500 of them come again and again. */
const nextCode = () => `person${person++ % 500}`

interface Answer { location: string, cookies: string, json: () => Record<string, string> }

async function call (url: string, { method = 'GET', headers = {}, body }: { method?: 'GET' | 'POST', headers?: Record<string, string>, body?: string } = {}, expected = [200, 302]): Promise<Answer> {
  const response = await fetch(url, { method, headers, redirect: 'manual', ...body === undefined ? {} : { body } })
  const text = await response.text()
  if (!expected.includes(response.status)) throw new Error(`${method} ${url}: ${response.status} ${text.slice(0, 300)}`)
  const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]).join('; ')
  return { location: response.headers.get('location') ?? '', cookies, json: () => JSON.parse(text) }
}

const asJson = (body: object) => ({ method: 'POST' as const, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const asForm = (form: Record<string, string>) => ({ method: 'POST' as const, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams(form).toString() })
const times = (count: number, make: () => Promise<string>) => inTurns(Array.from({ length: count }, () => ''), make)

/** Eight at once. */
export async function inTurns<Result> (inputs: string[], work: (input: string) => Promise<Result>): Promise<Result[]> {
  const waiting = [...inputs]
  const results: Result[] = []
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (let input = waiting.pop(); input !== undefined; input = waiting.pop()) results.push(await work(input))
  }))
  return results
}

/** Goes back from the stub's authorization page, which nobody has to look at, with a code. */
const callback = (location: string, path: string) => `${path}?code=${nextCode()}&state=${encodeURIComponent(new URL(location).searchParams.get('state') ?? '')}`

export function signetClient (url: string, sql: pg.Pool, code: { clientId: string, redirectUri: string }): Record<'check' | 'login' | 'refresh' | 'exchange', Operation> {
  async function login () {
    const started = await call(`${url}/login/bench`)
    return (await call(url + callback(started.location, '/login/bench/callback'), { headers: { cookie: started.cookies } })).json()
  }
  const tokens = (name: string) => (count: number) => times(count, async () => (await login())[name] as string)
  return {
    check: { reusable: 100, prepare: tokens('access_token'), run: async (token) => { await call(`${url}/me`, { headers: { authorization: `Bearer ${token}` } }) } },
    login: { run: async () => { await login() } },
    refresh: { prepare: tokens('refresh_token'), run: async (token) => { await call(`${url}/oauth2/token`, asJson({ grant_type: 'refresh_token', refresh_token: token })) } },
    exchange: {
      prepare: (count) => waitingCodes(sql, count, code),
      run: async (value) => {
        const form = { grant_type: 'authorization_code', code: value, redirect_uri: code.redirectUri, client_id: code.clientId, code_verifier: CODE_VERIFIER }
        await call(`${url}/oauth2/token`, asForm(form))
      }
    }
  }
}

const CODE_VERIFIER = 'v'.repeat(43)
const sha256 = (text: string) => createHash('sha256').update(text).digest()

/** Codes that wait to be exchanged, written into the database: only their exchange is measured. */
async function waitingCodes (sql: pg.Pool, count: number, { clientId, redirectUri }: { clientId: string, redirectUri: string }): Promise<string[]> {
  const codes = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  await sql.query(`
    WITH u AS (INSERT INTO users (id, name) SELECT gen_random_uuid(), 'bench' FROM generate_series(1, $1) RETURNING id),
    s AS (
      INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, authenticated_at, idle_expires_at, expires_at)
      SELECT gen_random_uuid(), id, $2, 'bench', '', '\\x00', now(), now() + interval '1 hour', now() + interval '1 day' FROM u RETURNING id
    )
    INSERT INTO authorization_codes (hash, session_id, client_id, redirect_uri, code_challenge, expires_at)
    SELECT c.hash, s.id, $2, $3, $4, now() + interval '1 hour'
    FROM (SELECT id, row_number() OVER () AS n FROM s) s JOIN unnest($5::bytea[]) WITH ORDINALITY c(hash, n) USING (n)`,
  [count, clientId, redirectUri, sha256(CODE_VERIFIER).toString('base64url'), codes.map(sha256)])
  return codes
}

export function limitClient (url: string): Record<'check' | 'refresh', Operation> {
  const tokens = (name: string) => (count: number) => times(count, async () => (await call(`${url}/login`, { method: 'POST' })).json()[name] as string)
  return {
    check: { reusable: 100, prepare: tokens('access_token'), run: async (token) => { await call(`${url}/me`, { headers: { authorization: `Bearer ${token}` } }) } },
    refresh: { prepare: tokens('refresh_token'), run: async (token) => { await call(`${url}/refresh`, asJson({ refresh_token: token })) } }
  }
}

export function passportClient (url: string): Record<'check' | 'login', Operation> {
  async function login () {
    const started = await call(`${url}/login`)
    return (await call(url + callback(started.location, '/callback'), { headers: { cookie: started.cookies } })).cookies
  }
  return {
    check: { reusable: 100, prepare: (count) => times(count, login), run: async (cookie) => { await call(`${url}/me`, { headers: { cookie } }) } },
    login: { run: async () => { await login() } }
  }
}

export function betterAuthClient (url: string): Record<'check' | 'login', Operation> {
  async function login () {
    const { headers, ...body } = asJson({ provider: 'bench', callbackURL: '/' })
    const started = await call(`${url}/api/auth/sign-in/social`, { ...body, headers: { ...headers, origin: url } })
    return (await call(url + callback(started.json()['url'] as string, '/api/auth/callback/bench'), { headers: { cookie: started.cookies } })).cookies
  }
  return {
    check: { reusable: 100, prepare: (count) => times(count, login), run: async (cookie) => { if (!(await call(`${url}/api/auth/get-session`, { headers: { cookie } })).json()) throw new Error('no session') } },
    login: { run: async () => { await login() } }
  }
}
