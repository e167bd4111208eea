import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { asForm, asJson, call } from './http.ts'
import { makeInputs, type Input, type Operation } from './operation.ts'
import { callbackFrom, knownPerson, newPerson, type ProviderKind } from './people.ts'

export type OperationName = 'check' | 'refresh' | 'exchange'

export interface Client {
  operations: Partial<Record<OperationName, Operation>>
  /** Signs a person in by a browser that has no cookies yet. */
  signIn?: (kind: ProviderKind, person: string) => Promise<unknown>
}

type SignIn = NonNullable<Client['signIn']>

/** Complete logins: two requests of the browser, and between them what the server asks the provider. */
export function loginOf (signIn: SignIn, kind: ProviderKind, person = knownPerson): Operation {
  return {
    isSingleUse: true,
    prepare: async (count) => Array.from({ length: count }, () => ({ value: person(kind) })),
    run: async ({ value }) => { await signIn(kind, value) }
  }
}

/** Sign-ups: logins of people whom the server has never seen. */
export const signUpOf = (signIn: SignIn, kind: ProviderKind): Operation => loginOf(signIn, kind, newPerson)

const withBearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const withCookies = (cookies: string) => ({ headers: { cookie: cookies } })

/** The client of one Signet, or of several instances that take turns. */
export function signetClient (urls: string[], sql: pg.Pool, registered: { clientId: string, redirectUri: string }) {
  let turn = 0
  const url = (path: string) => urls[turn++ % urls.length] + path

  async function signIn (kind: ProviderKind, person: string): Promise<{ access_token: string, refresh_token: string }> {
    const { location, cookies } = await call(url(`/login/${kind}`))
    const callback = callbackFrom(location, `/login/${kind}/callback`, person)
    return JSON.parse((await call(url(callback), withCookies(cookies))).text)
  }

  const check: Operation = {
    prepare: (count) => makeInputs(count, async () => (await signIn('oauth', knownPerson('oauth'))).access_token),
    run: async ({ value }) => { await call(url('/me'), withBearer(value)) }
  }
  const refresh: Operation = {
    prepare: (count) => makeInputs(count, async () => (await signIn('oauth', knownPerson('oauth'))).refresh_token),
    async run (input) {
      const request = asJson({ grant_type: 'refresh_token', refresh_token: input.value })
      input.value = JSON.parse((await call(url('/oauth2/token'), request)).text).refresh_token
    }
  }
  const exchange: Operation = {
    isSingleUse: true,
    prepare: (count) => insertCodes(sql, count, registered),
    async run ({ value }) {
      await call(url('/oauth2/token'), asForm({
        grant_type: 'authorization_code',
        code: value,
        redirect_uri: registered.redirectUri,
        client_id: registered.clientId,
        code_verifier: CODE_VERIFIER
      }))
    }
  }
  return { signIn, operations: { check, refresh, exchange } } satisfies Client
}

const CODE_VERIFIER = 'v'.repeat(43)
const sha256 = (text: string) => createHash('sha256').update(text).digest()

/** Authorization codes written straight into the database, so that only their exchange is measured. */
async function insertCodes (
  sql: pg.Pool, count: number, { clientId, redirectUri }: { clientId: string, redirectUri: string }
): Promise<Input[]> {
  const codes = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  await sql.query(`
    WITH u AS (
      INSERT INTO users (id, name) SELECT gen_random_uuid(), 'bench' FROM generate_series(1, $1) RETURNING id
    ),
    s AS (
      INSERT INTO sessions
        (id, user_id, client_id, provider, scope, secret_hash, authenticated_at, idle_expires_at, expires_at)
      SELECT gen_random_uuid(), id, $2, 'oauth', '', '\\x00', now(), now() + interval '1 hour', now() + interval '1 day'
      FROM u RETURNING id
    )
    INSERT INTO authorization_codes (hash, session_id, client_id, redirect_uri, code_challenge, expires_at)
    SELECT c.hash, s.id, $2, $3, $4, now() + interval '1 hour'
    FROM (SELECT id, row_number() OVER () AS n FROM s) s JOIN unnest($5::bytea[]) WITH ORDINALITY c(hash, n) USING (n)`,
  [count, clientId, redirectUri, sha256(CODE_VERIFIER).toString('base64url'), codes.map(sha256)])
  return codes.map((value) => ({ value }))
}

export function limitClient (url: string): Client {
  const openSession = async () => JSON.parse((await call(`${url}/login`, { method: 'POST' })).text)
  return {
    operations: {
      check: {
        prepare: (count) => makeInputs(count, async () => (await openSession()).access_token),
        run: async ({ value }) => { await call(`${url}/me`, withBearer(value)) }
      },
      refresh: {
        prepare: (count) => makeInputs(count, async () => (await openSession()).refresh_token),
        async run (input) {
          const response = await call(`${url}/refresh`, asJson({ refresh_token: input.value }))
          input.value = JSON.parse(response.text).refresh_token
        }
      }
    }
  }
}

export function passportClient (url: string): Client {
  async function signIn (kind: ProviderKind, person: string): Promise<{ access_token: string }> {
    const { location, cookies } = await call(`${url}/login/${kind}`)
    const callback = callbackFrom(location, `/login/${kind}/callback`, person)
    return JSON.parse((await call(url + callback, withCookies(cookies))).text)
  }
  return {
    signIn,
    operations: {
      check: {
        prepare: (count) => makeInputs(count, async () => (await signIn('oauth', knownPerson('oauth'))).access_token),
        run: async ({ value }) => { await call(`${url}/me`, withBearer(value)) }
      }
    }
  }
}

export function betterAuthClient (url: string): Client {
  async function signIn (kind: ProviderKind, person: string): Promise<string> {
    const request = asJson({ provider: kind, callbackURL: '/' }, { origin: url })
    const started = await call(`${url}/api/auth/sign-in/social`, request)
    const callback = callbackFrom(JSON.parse(started.text).url, `/api/auth/callback/${kind}`, person)
    const finished = await call(url + callback, withCookies(started.cookies))
    if (finished.location !== '/') throw new Error(`better-auth did not sign in: ${finished.location}`)
    return finished.cookies
  }
  return {
    signIn,
    operations: {
      check: {
        prepare: (count) => makeInputs(count, () => signIn('oauth', knownPerson('oauth'))),
        async run ({ value }) {
          // Without a session it returns 200 and null.
          const { text } = await call(`${url}/api/auth/get-session`, withCookies(value))
          if (text === 'null') throw new Error('better-auth knows no session for the cookie.')
        }
      }
    }
  }
}

/** The session is Flask's own signed cookie. */
export function flaskClient (url: string): Client {
  async function signIn (_kind: ProviderKind, person: string): Promise<string> {
    const { location, cookies } = await call(`${url}/login`)
    return (await call(url + callbackFrom(location, '/callback', person), withCookies(cookies))).cookies
  }
  return {
    signIn,
    operations: {
      check: {
        prepare: (count) => makeInputs(count, () => signIn('oauth', knownPerson('oauth'))),
        run: async ({ value }) => { await call(`${url}/me`, withCookies(value)) }
      }
    }
  }
}
