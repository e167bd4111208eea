import fc from 'fast-check'
import t, { type Test } from 'tap'
import { PROBLEMS } from '../../src/http/problem-catalogue.ts'
import { SPA, WEB } from '../flows/setup-with-clients.ts'
import { sessionOf, signedIn } from '../flows/signed-in.ts'
import { readJson } from '../helper.ts'
import { dereference, requestsTo, type Operation } from './generators.ts'
import { readAnswer, send, sendBytes, type WireAnswer, type WireRequest } from './wire.ts'

/**
 * Every route of the OpenAPI document, made requests for by that document, nearly right and quite wrong, by everybody.
 * Each is written to a socket byte by byte, since client libraries refuse to send half of it.
 *
 * A failure names its seed, and the request made small. `FUZZ_RUNS=200 npx tap --timeout=3600
 * test/hostile/routes.slow.test.ts` looks longer, `FUZZ_SEED=random` elsewhere; by itself a run is always the same, so
 * that it judges the change and not the dice.
 */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 8)
const SEED = process.env['FUZZ_SEED'] === 'random' ? Date.now() : Number(process.env['FUZZ_SEED'] ?? 20_260_101)

const ROLES = ['anonymous', 'user', 'admin'] as const
type Role = (typeof ROLES)[number]

/** RFC 6749 5.2, RFC 6750 3.1, RFC 8628 3.5, RFC 8693 2.2.2, RFC 8707 2, RFC 9449 12.2. */
const OAUTH_ERRORS = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'authorization_pending',
  'slow_down',
  'expired_token',
  'access_denied',
  'invalid_token',
  'insufficient_scope',
  'invalid_target',
  'invalid_dpop_proof'
]

/**
 * Endpoints with errors of RFC 6749 section 5.2. The pages below /oauth2/ that a browser opens answer with problems.
 */
const OAUTH_ROUTE = /^\/oauth2\/(token|device_authorization|revoke|introspect|userinfo)$/

/** Words of the runtime, of libraries and of PostgreSQL that are nobody's business. */
const INNER_WORDS = new RegExp(
  [
    'node_modules',
    '\\bat [\\w.<>]+ \\(',
    '\\.[jt]s:\\d',
    'FST_',
    'ERR_[A-Z]',
    '(?:Type|Syntax|Range|Reference)Error',
    'Unexpected (?:token|end)',
    'Cannot read propert',
    'is not a function',
    '[Pp]risma',
    'invalid input syntax',
    'invalid byte sequence',
    'ECONN',
    'postgres',
    'fast-jwt',
    'secure-json',
    'prototype property'
  ].join('|')
)

/** On a busy machine the database may take longer than a request may: what got a 503 is sent again. */
async function untilAnswered<Answer extends { status?: number }> (ask: () => Promise<Answer>): Promise<Answer> {
  for (let left = 3; ; left--) {
    const answer = await ask()
    if (answer.status !== 503 || left === 0) return answer
  }
}

/** Throws unless this is what the contract has for a request that somebody got wrong, or right. */
function judge (request: WireRequest, path: string, answer: WireAnswer): void {
  const say = (what: string) => {
    throw new Error(`${what}: ${answer.status} ${JSON.stringify(answer.headers)} ${answer.body.slice(0, 600)}`)
  }
  if (answer.status >= 500) say('A fault of the server')
  if (INNER_WORDS.test(answer.body)) say('Inner words')
  if (
    ({} as Record<string, unknown>)['polluted'] !== undefined ||
    ([] as unknown as Record<string, unknown>)['polluted'] !== undefined
  ) {
    say('A polluted prototype')
  }
  if (
    answer.headers.some(
      ([name, value]) => /^x-injected$|^$/.test(name) || (name === 'set-cookie' && value.startsWith('injected'))
    )
  ) {
    say('An injected header')
  }
  if (answer.header('x-request-id') === '' && !isFromTheParser(answer)) say('No request id')
  if (answer.status < 400) return
  const isPage = answer.header('content-type') === 'text/html; charset=utf-8'
  if (isPage) {
    if (
      /text\/html/i.test(
        request.headers
          .filter(([name]) => name === 'accept')
          .map(([, value]) => value)
          .join()
      ) ||
      path === '/device'
    ) {
      return
    }
    say('A page that nobody asked for')
  }
  const body = parse(answer.body) as Record<string, unknown> | undefined
  if (body === undefined) return say('No JSON')
  if (OAUTH_ROUTE.test(path) && !answer.header('content-type').startsWith('application/problem+json')) {
    if (!/^application\/json; charset=utf-8$/.test(answer.header('content-type'))) say('Another type')
    if (
      !OAUTH_ERRORS.includes(String(body['error'])) ||
      typeof body['error_description'] !== 'string' ||
      Object.keys(body).length !== 2
    ) {
      say('No OAuth error')
    }
    if (answer.header('cache-control') !== 'no-store') say('Kept by caches')
    return
  }
  if (answer.header('content-type') !== 'application/problem+json; charset=utf-8') say('No problem')
  const { code, status, title, detail, requestId } = body as {
    code: keyof typeof PROBLEMS
    status: number
    title: string
    detail: string
    requestId: string
  }
  if (
    !Object.hasOwn(PROBLEMS, code) ||
    status !== answer.status ||
    ![title, detail, requestId].every((one) => typeof one === 'string' && one !== '')
  ) {
    say('Not of the catalogue')
  }
  if (
    OAUTH_ROUTE.test(path) &&
    !isFromTheParser(answer) &&
    !(code === 'not_found' || detail === 'The URL could not be read.')
  ) {
    say('A problem in place of an OAuth error')
  }
  if (answer.status === 401 && answer.header('www-authenticate') === '') say('No challenge')
}

/** What Node refuses before there is a request has no route and no id of its own. */
const isFromTheParser = ({ body }: WireAnswer) => body.includes('"type":"about:blank"')

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function world (t: Test) {
  const signet = await signedIn(t, {
    CLIENTS: JSON.stringify([SPA, WEB]),
    ALLOWED_ORIGINS: 'https://app.example.com',
    // The routes where providers report events.
    GITHUB_WEBHOOK_SECRET: 'the-secret-of-the-webhook',
    FACEBOOK_CLIENT_ID: 'facebook-client',
    FACEBOOK_CLIENT_SECRET: 'facebook-client-secret',
    OIDC_ACME_EVENTS: 'true',
    LOG_LEVEL: 'error'
  })
  const { github, login, call, sql, url } = signet
  const document: { paths: Record<string, Record<string, Operation>> } = dereference(
    await readJson(await fetch(`${url}/openapi.json`))
  )
  const tokens: Partial<Record<Role, string>> = {}
  let ids: Record<string, string> = {}
  let lastId = 0

  /**
   * Puts somebody new in the place of whoever is gone or signed out, with something of their own behind every kind of
   * id. Not the same person again: GitHub ends all their grants while a deletion is under way.
   */
  async function people () {
    for (const role of ['user', 'admin'] as const) {
      const token = tokens[role]
      const path = role === 'admin' ? '/admin/keys' : '/me'
      if (token !== undefined && (await call('GET', path, token)).status === 200) continue
      const id = ++lastId
      github.user({ id, login: `${role}-${id}`, email: `${role}-${id}@example.com` })
      const signedIn = await untilAnswered(login)
      tokens[role] = signedIn.access_token
      // Set past the API: it stops the last administrator from being unmade, and these are unmade all the time.
      await sql.query('UPDATE users SET roles = $2 WHERE id = $1', [
        signedIn.user.id,
        role === 'admin' ? ['admin'] : []
      ])
      ids[role] = signedIn.user.id
      ids[`${role}:session`] = sessionOf(signedIn.access_token)
      ids[`${role}:account`] = signedIn.user.accounts[0].id
    }
  }

  async function things () {
    const { rows: [client] } = await sql.query(`INSERT INTO clients (client_id, name, redirect_uris, secret_hash)
      VALUES (gen_random_uuid()::text, 'A client', '{https://client.invalid/}', '\\x00') RETURNING client_id AS id`)
    const { rows: [webhook] } = await sql.query(`INSERT INTO webhook_endpoints (id, url, types, sealed_secret)
      VALUES (gen_random_uuid(), 'http://127.0.0.1:9/', '{user.created}', '') RETURNING id`)
    const { rows: [delivery] } = await sql.query(
      `INSERT INTO webhook_deliveries (id, endpoint_id, user_id, type, details, status, expires_at)
      VALUES (gen_random_uuid(), $1, $1, 'user.created', '{}', 'delivered', now() + interval '1 day') RETURNING id`,
      [webhook.id]
    )
    ids = { ...ids, client: client.id, webhook: webhook.id, delivery: delivery.id }
  }

  /** What stands in a path for somebody. */
  const idFor =
    (path: string, role: Role) =>
      (name: string): string => {
        if (name === 'provider') return 'github'
        if (name === 'code') return 'not_found'
        if (name === 'deliveryId') return ids['delivery'] ?? ''
        const kind = {
          sessions: `${role}:session`,
          accounts: `${role}:account`,
          users: 'user',
          clients: 'client',
          webhooks: 'webhook'
        }[path.split('/')[2] ?? '']
        return ids[kind ?? ''] ?? 'nothing'
      }

  return { ...signet, document, tokens, people, things, idFor }
}

t.test(
  'no route, for nobody, answers otherwise than the contract has it',
  { timeout: RUNS * 60_000 },
  async (t) => {
    const { document, tokens, people, things, idFor, url, log } = await world(t)
    const statuses: Record<string, number> = {}
    let requests = 0
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        for (const role of ROLES) {
          await people()
          await things()
          const made = requestsTo(
            method.toUpperCase(),
            path,
            operation,
            idFor(path, role),
            role === 'anonymous' ? undefined : role
          )
          const withToken = (request: WireRequest): WireRequest => ({
            ...request,
            headers: request.headers.map(([name, value]) => [
              name,
              name === 'authorization' && value === `Bearer ${role}` ? `Bearer ${tokens[role as 'user']}` : value
            ])
          })
          try {
            await fc.assert(
              fc.asyncProperty(made, async (request) => {
                const answer = await untilAnswered(() => send(url, withToken(request)))
                requests++
                statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
                judge(request, path, answer)
                // Whoever was signed out, disabled or deleted by it is back for the next one.
                if (method !== 'get' && answer.status < 300) await people()
              }),
              { numRuns: RUNS, seed: SEED + requests }
            )
          } catch (error) {
            const { message, cause } = error as Error
            t.fail(`${method.toUpperCase()} ${path} as ${role}`, {
              found: message.slice(0, 6_000),
              because: String(cause)
            })
          }
        }
      }
    }
    t.comment(`${requests} requests: ${JSON.stringify(statuses)}`)
    t.equal(log(), '', 'and nothing of it is an error in the log')
    t.equal((await fetch(`${url}/readyz`)).status, 200)
    t.ok((statuses['200'] ?? 0) > requests / 20, 'many come all the way')
  }
)

const POST_JSON = 'POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
const POST_CHUNKS = `${POST_JSON}Transfer-Encoding: chunked\r\n\r\n`

/**
 * What Node's parser, or the router, refuses or has its own reading of. A name, and what follows the request line's
 * method.
 */
const NO_REQUESTS: Record<string, string> = {
  'bytes that are no UTF-8 in the path': 'GET /login/\xff\xfe\xc3\x28 HTTP/1.1\r\nHost: x\r\n',
  'a NUL in the path': 'GET /login/\0 HTTP/1.1\r\nHost: x\r\n',
  'an encoded NUL': 'GET /login/%00 HTTP/1.1\r\nHost: x\r\n',
  'UTF-8 that is too long': 'GET /login/%c0%af HTTP/1.1\r\nHost: x\r\n',
  'half a surrogate pair': 'GET /problems/%ed%a0%80 HTTP/1.1\r\nHost: x\r\n',
  'half an escape': 'GET /me/sessions/%e0%a4%a HTTP/1.1\r\nHost: x\r\n',
  'a space in the path': 'GET /me x HTTP/1.1\r\nHost: x\r\n',
  'a path of 12 KB': `GET /${'x'.repeat(12_000)} HTTP/1.1\r\nHost: x\r\n`,
  'a path of 100 KB': `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n`,
  'no path': 'GET HTTP/1.1\r\nHost: x\r\n',
  'a URL that is none': 'GET http://[::1 HTTP/1.1\r\nHost: x\r\n',
  'no Host': 'GET /me HTTP/1.1\r\n',
  'two Hosts': 'GET /me HTTP/1.1\r\nHost: x\r\nHost: y\r\n',
  'a NUL in a header': 'GET /me HTTP/1.1\r\nHost: x\r\nUser-Agent: a\0b\r\n',
  'bytes that are no UTF-8 in a header':
    'GET /me HTTP/1.1\r\nHost: x\r\nCookie: signet-refresh=\xff\xfe\r\nUser-Agent: \x80\r\n',
  'a carriage return alone': 'GET /me HTTP/1.1\r\nHost: x\r\nUser-Agent: a\rX-Injected: yes\r\n',
  'a line feed alone': 'GET /me HTTP/1.1\r\nHost: x\r\nUser-Agent: a\nX-Injected: yes\r\n',
  'a folded header': 'GET /me HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\n b\r\n',
  'a header without a name': 'GET /me HTTP/1.1\r\nHost: x\r\n: x\r\n',
  'a space before the colon': 'GET /me HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer x\r\n',
  'a header of 20 KB': `GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${'x'.repeat(20_000)}\r\n`,
  'three thousand headers': `GET /me HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(3_000)}`,
  'two lengths': 'POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  'a length below nothing': 'POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{}',
  'a length that is too long': `${POST_JSON}Content-Length: 99999999999999999999\r\n\r\n{}`,
  'a length over the limit, and no body': `${POST_JSON}Content-Length: 100000\r\n`,
  'a length and chunks':
    'POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n',
  'chunks of an unknown coding': 'POST /oauth2/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n',
  'chunks of an unknown coding, for a route that answers at once':
    'POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n',
  'a chunk of more than there is': `${POST_CHUNKS}FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n`,
  'a chunk of no size': `${POST_CHUNKS}zz\r\n{}\r\n0\r\n`,
  'chunks over the limit': `${POST_CHUNKS}${`4000\r\n${' '.repeat(0x4000)}\r\n`.repeat(6)}0\r\n`,
  'chunks of something else': `${POST_CHUNKS}2\r\n{]\r\n0\r\n`,
  'an expectation': 'POST /oauth2/token HTTP/1.1\r\nHost: x\r\nExpect: the-unexpected\r\nContent-Length: 0\r\n',
  'a method in lower case': 'get /me HTTP/1.1\r\nHost: x\r\n',
  'a method that nobody knows': 'FROBNICATE /me HTTP/1.1\r\nHost: x\r\n',
  TRACE: 'TRACE /me HTTP/1.1\r\nHost: x\r\n',
  'a tunnel': 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n',
  'HTTP/2 at once': 'PRI * HTTP/2.0\r\n\r\nSM\r\n',
  'a version to come': 'GET /me HTTP/9.9\r\nHost: x\r\n',
  'no version': 'GET /me\r\n',
  'TLS on a plain port': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  nothing: '\r\n\r\n\r\n',
  noise: String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte))
}

t.test(
  'bytes that are no request, or a strange one, are refused in the same shape, and the connection is closed',
  async (t) => {
    const { url, log } = await world(t)
    for (const [name, bytes] of Object.entries(NO_REQUESTS)) {
      const text = await sendBytes(url, bytes.replace('\r\n', '\r\nConnection: close\r\n') + '\r\n')
      // A tunnel is not even refused: Node hangs up on it.
      if (name === 'a tunnel') {
        t.equal(text, '', name)
        continue
      }
      const answer = readAnswer(text)
      t.equal(
        text.split(/^HTTP\/1\.1 /m).length,
        2,
        `${name}: one answer, which the next request on the connection cannot take for its own`
      )
      const { code } = (parse(answer.body) ?? {}) as { code?: string }
      t.match(answer.status, /^4\d\d$/, `${name}: ${text.slice(0, 300)}`)
      t.match(answer.header('content-type'), /^application\/(problem\+)?json; charset=utf-8$/, name)
      t.ok(
        code === undefined
          ? /^\{"error":"\w+","error_description":"[^"]+"\}$/.test(answer.body)
          : Object.hasOwn(PROBLEMS, code),
        `${name}: ${answer.body}`
      )
      t.notMatch(text, /^x-injected/im, name)
      t.notMatch(answer.body, INNER_WORDS, name)
    }
    t.equal((await fetch(`${url}/healthz`)).status, 200)
    t.equal(log(), '')
  }
)
