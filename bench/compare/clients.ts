import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { asForm, asJson, call, CONCURRENCY } from './http.ts'

/** What a client does at each server: `run` is measured; what it needs is made before, by `prepare`. */
export interface Operation {
  prepare: (count: number) => Promise<Input[]>
  /** Each input works once. Else 100 come again and again, as clients use one session many times. */
  isSpent?: true
  run: (input: Input) => Promise<void>
}

/** A token, cookie or code; a refresh puts its successor here. */
export interface Input { value: string }

export type OperationName = 'check' | 'login' | 'refresh' | 'exchange'
export type Operations = Partial<Record<OperationName, Operation>>

const REUSED = 100

type Measure<Result> = (work: () => Promise<void>) => Promise<Result>

/** Runs an operation so many times, eight at once, an input never twice at the same time. `measure` spans the runs alone. */
export async function perform<Result> ({ prepare, isSpent, run }: Operation, count: number, measure: Measure<Result>): Promise<Result> {
  const inputs = await prepare(isSpent ? count : Math.min(REUSED, count))
  return await measure(async () => await inTurns(count, async () => {
    const input = inputs.shift() as Input
    await run(input)
    if (!isSpent) inputs.push(input)
  }))
}

async function inTurns (count: number, work: () => Promise<void>): Promise<void> {
  let left = count
  await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
    while (left-- > 0) await work()
  }))
}

async function inputs (count: number, make: () => Promise<string>): Promise<Input[]> {
  const made: Input[] = []
  await inTurns(count, async () => { made.push({ value: await make() }) })
  return made
}

const nothing = async (count: number) => Array.from({ length: count }, () => ({ value: '' }))

let person = 0
/** The stub takes any code for a person of that name; 200 of them come again and again. */
const nextCode = () => `person${person++ % 200}`

/** Goes back from the stub's authorization page, which nobody has to look at, with a code. */
const callback = (location: string, path: string) => `${path}?code=${nextCode()}&state=${encodeURIComponent(new URL(location).searchParams.get('state') ?? '')}`

const withBearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

/** Of one instance or several, which get a request each in turn. */
export function signetClient (urls: string[], sql: pg.Pool, client: { clientId: string, redirectUri: string }): Record<OperationName, Operation> {
  let turn = 0
  const url = (path: string) => urls[turn++ % urls.length] + path
  async function login () {
    const { location, cookies } = await call(url('/login/bench'))
    return JSON.parse((await call(url(callback(location, '/login/bench/callback')), { headers: { cookie: cookies } })).text)
  }
  return {
    check: {
      prepare: (count) => inputs(count, async () => (await login()).access_token),
      run: async ({ value }) => { await call(url('/me'), withBearer(value)) }
    },
    login: { prepare: nothing, run: async () => { await login() } },
    refresh: {
      prepare: (count) => inputs(count, async () => (await login()).refresh_token),
      async run (input) {
        const { text } = await call(url('/oauth2/token'), asJson({ grant_type: 'refresh_token', refresh_token: input.value }))
        input.value = JSON.parse(text).refresh_token
      }
    },
    exchange: {
      isSpent: true,
      prepare: (count) => waitingCodes(sql, count, client),
      async run ({ value }) {
        await call(url('/oauth2/token'), asForm({
          grant_type: 'authorization_code', code: value, redirect_uri: client.redirectUri, client_id: client.clientId, code_verifier: CODE_VERIFIER
        }))
      }
    }
  }
}

/** Of a hundred requests eighty are checks, fifteen refreshes, five logins: the operations of one client, shuffled. */
export function mixOf ({ check, refresh, login }: Record<OperationName, Operation>): Operation {
  const shares: [Operation, number][] = [[check, 80], [refresh, 15], [login, 5]]
  let operationOf = new Map<Input, Operation>()
  return {
    async prepare () {
      operationOf = new Map()
      for (const [operation, share] of shares) for (const input of await operation.prepare(share)) operationOf.set(input, operation)
      const all = [...operationOf.keys()]
      return all.map((_, index) => all[index * 37 % 100] as Input)
    },
    run: async (input) => { await operationOf.get(input)?.run(input) }
  }
}

const CODE_VERIFIER = 'v'.repeat(43)
const sha256 = (text: string) => createHash('sha256').update(text).digest()

/** Codes that wait to be exchanged, written into the database: only their exchange is measured. */
async function waitingCodes (sql: pg.Pool, count: number, { clientId, redirectUri }: { clientId: string, redirectUri: string }): Promise<Input[]> {
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
  return codes.map((value) => ({ value }))
}

export function limitClient (url: string): Operations {
  const session = async () => JSON.parse((await call(`${url}/login`, { method: 'POST' })).text)
  return {
    check: {
      prepare: (count) => inputs(count, async () => (await session()).access_token),
      run: async ({ value }) => { await call(`${url}/me`, withBearer(value)) }
    },
    refresh: {
      prepare: (count) => inputs(count, async () => (await session()).refresh_token),
      run: async (input) => { input.value = JSON.parse((await call(`${url}/refresh`, asJson({ refresh_token: input.value }))).text).refresh_token }
    }
  }
}

/** Of passport and of Flask: the session is a cookie. */
export function cookieClient (url: string): Operations {
  async function login () {
    const { location, cookies } = await call(`${url}/login`)
    return (await call(url + callback(location, '/callback'), { headers: { cookie: cookies } })).cookies
  }
  return {
    check: { prepare: (count) => inputs(count, login), run: async ({ value }) => { await call(`${url}/me`, { headers: { cookie: value } }) } },
    login: { prepare: nothing, run: async () => { await login() } }
  }
}

export function betterAuthClient (url: string): Operations {
  async function login () {
    const started = await call(`${url}/api/auth/sign-in/social`, asJson({ provider: 'bench', callbackURL: '/' }, { origin: url }))
    return (await call(url + callback(JSON.parse(started.text).url, '/api/auth/callback/bench'), { headers: { cookie: started.cookies } })).cookies
  }
  return {
    check: {
      prepare: (count) => inputs(count, login),
      // Who is not signed in gets 200 and null.
      async run ({ value }) { if ((await call(`${url}/api/auth/get-session`, { headers: { cookie: value } })).text === 'null') throw new Error('no session') }
    },
    login: { prepare: nothing, run: async () => { await login() } }
  }
}
