import { createHmac, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { Problem } from '../../src/http/errors.ts'
import { signedIn } from '../flows/signed-in.ts'
import { createRandom, type Random } from './random.ts'

/**
 * Valid tokens, each with a change (SEC-47): none is accepted, and none causes a server error. The tokens are the same
 * in every run, unless `FUZZ_SEED` says otherwise; a failure shows the token and its change.
 */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_260_101)
const TOKENS = Number(process.env['FUZZ_TOKENS'] ?? 10_000)
const INJECTED = TOKENS * 0.03
const OVER_HTTP = TOKENS * 0.03
const REFRESH_TOKENS = TOKENS * 0.03

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>

/** Changes of any text. Each makes something that the text was not. */
const OF_TEXT: Record<string, (text: string, random: Random) => string> = {
  'a character changed': (text, random) =>
    splice(text, random.below(text.length), 1, (was) => random.other(BASE64URL, was)),
  'a character left out': (text, random) => splice(text, random.below(text.length), 1, () => ''),
  'a character put in': (text, random) =>
    splice(text, random.below(text.length + 1), 0, () => random.of(`${BASE64URL}.=+/ \t%"'{}é`)),
  'a piece left out': (text, random) => splice(text, random.below(text.length - 1), 1 + random.below(40), () => ''),
  'a piece twice': (text, random) => splice(text, random.below(text.length - 40), 20, (was) => was + was),
  'cut off': (text, random) => text.slice(0, 1 + random.below(text.length - 1)),
  'two neighbours swapped': (text, random) => {
    for (let at = random.below(text.length - 1); ; at = random.below(text.length - 1)) {
      if (text[at] !== text[at + 1]) return splice(text, at, 2, (was) => [...was].reverse().join(''))
    }
  },
  'the other case': (text, random) => {
    for (let at = random.below(text.length); ; at = random.below(text.length)) {
      const other =
        text.charAt(at) === text.charAt(at).toLowerCase()
          ? text.charAt(at).toUpperCase()
          : text.charAt(at).toLowerCase()
      if (other !== text.charAt(at)) return splice(text, at, 1, () => other)
    }
  },
  // The last character of 64 bytes in base64url has four bits that say nothing.
  'another spelling of the same bytes': (text, random) => {
    const value = BASE64URL.indexOf(text.at(-1) ?? '')
    const unused = { 0: 0, 2: 4, 3: 2 }[(text.length - text.lastIndexOf('.') - 1) % 4] ?? 0
    return text.slice(0, -1) + BASE64URL.charAt(value ^ (unused === 0 ? 1 : 1 + random.below(2 ** unused - 1)))
  },
  padded: (text, random) => text + random.of(['=', '==', '===', '.', '.=', '%3D', '\t.', ',x']),
  'in front': (text, random) => random.of(['.', 'x.', '=', '"', 'Bearer ', '%20']) + text,
  'in standard base64': (text) =>
    text.includes('-') || text.includes('_') ? text.replaceAll('-', '+').replaceAll('_', '/') : `${text}+`
}

function splice (text: string, at: number, length: number, make: (was: string) => string): string {
  return text.slice(0, at) + make(text.slice(at, at + length)) + text.slice(at + length)
}

/** What somebody has who makes tokens and does not have the key. */
interface Forger {
  random: Random
  pem: string
  stranger: { privateKey: KeyObject, publicKey: KeyObject }
  others: string[]
}

/** Changes of what a token says, signed again as well as somebody can who does not have the key. */
const OF_JWT: Record<string, (token: string, forger: Forger) => string> = {
  'another payload under the signature': (token, { random }) => {
    const [header, payload = '', signature] = token.split('.')
    return [header, encode(changed(decode(payload), CLAIMS, random)), signature].join('.')
  },
  'another header under the signature': (token, { random }) => {
    const [header = '', payload, signature] = token.split('.')
    return [encode(changed(decode(header), HEADERS, random)), payload, signature].join('.')
  },
  'no JSON object': (token, { random }) => {
    const [header, payload, signature] = token.split('.')
    const rubbish = encode(
      random.of(['', '[]', 'null', '""', '1', '{', '{"a":', '\0', '{"__proto__":{"sub":"x"}}', '['.repeat(500)])
    )
    return (random.below(2) === 0 ? [rubbish, payload, signature] : [header, rubbish, signature]).join('.')
  },
  'parts of several tokens': (token, { random, others }) => {
    for (;;) {
      const mixed = [0, 1, 2].map((part) => random.of([token, ...others]).split('.')[part]).join('.')
      if (mixed !== token && !others.includes(mixed)) return mixed
    }
  },
  'parts in another order, or number': (token, { random }) => {
    const [a, b, c] = token.split('.')
    return random
      .of([
        [b, a, c],
        [c, b, a],
        [a, c, b],
        [a, b],
        [a],
        [a, b, c, c],
        [a, b, ''],
        ['', b, c],
        [a, '', c],
        ['', '', ''],
        [a, b, c, ''],
        [a, a, a]
      ])
      .join('.')
  },
  unsigned: (token, { random }) => {
    const [header = '', payload] = token.split('.')
    const alg = random.of(['none', 'None', 'NONE', 'nOnE', '', null])
    const signature = random.of(['', 'AA', token.split('.')[2] ?? ''])
    return `${encode({ ...decode(header), alg })}.${payload}.${signature}`
  },
  // CVE-2023-48223, CVE-2026-34950, CVE-2026-44351
  'an HMAC with what everybody has': (token, { random, pem }) => {
    const [header = '', payload] = token.split('.')
    const alg = random.of(['HS256', 'HS384', 'HS512'])
    const key = random.of([
      pem,
      pem.trim(),
      `\n${pem}`,
      pem.replaceAll('\n', '\r\n'),
      `\ufeff${pem}`,
      '',
      'undefined',
      'null',
      String(decode(header)['kid'])
    ])
    const kid = random.of([decode(header)['kid'], 'unknown', '', undefined, '__proto__', 'constructor', 'toString'])
    const input = `${encode({ ...decode(header), alg, kid })}.${payload}`
    return `${input}.${createHmac(alg.replace('HS', 'sha'), key).update(input).digest('base64url')}`
  },
  "signed with a key of one's own": (token, { random, stranger }) => {
    const [header = '', payload = ''] = token.split('.')
    const jwk = stranger.publicKey.export({ format: 'jwk' })
    const more = random.of([
      {},
      { jwk },
      { jku: 'http://127.0.0.1:9/' },
      { x5u: 'http://127.0.0.1:9/' },
      { kid: 'unknown' },
      { kid: undefined },
      { kid: '__proto__' },
      { kid: ['x'] },
      { crit: ['x'], x: 1 }
    ])
    const claims = random.below(2) === 0 ? payload : encode(changed(decode(payload), CLAIMS, random))
    const input = `${encode({ ...decode(header), ...more })}.${claims}`
    const dsaEncoding = random.of(['ieee-p1363', 'der'] as const)
    const signature = sign('sha256', Buffer.from(input), { key: stranger.privateKey, dsaEncoding })
    return `${input}.${signature.toString('base64url')}`
  },
  'a signature of nothing': (token, { random }) => {
    const [header, payload, signature = ''] = token.split('.')
    const [r, s] = [
      Buffer.from(signature, 'base64url').subarray(0, 32),
      Buffer.from(signature, 'base64url').subarray(32)
    ]
    // CVE-2022-21449: zeros verified anything.
    return [
      header,
      payload,
      random
        .of([
          Buffer.alloc(64),
          Buffer.alloc(64, 255),
          Buffer.concat([s, r]),
          Buffer.concat([r, r]),
          Buffer.concat([r, Buffer.alloc(32)]),
          Buffer.concat([Buffer.alloc(1), r, s]),
          Buffer.concat([r, s, Buffer.alloc(1)]),
          Buffer.alloc(0)
        ])
        .toString('base64url')
    ].join('.')
  }
}

const CLAIMS: Record<string, unknown[]> = {
  sub: ['00000000-0000-0000-0000-000000000000', '', null, 1, [], '__proto__'],
  sid: ['00000000-0000-0000-0000-000000000000', 'x', null, {}],
  roles: [['admin'], 'admin', null],
  exp: [9_999_999_999, 0, -1, '9999999999', null, 1e308],
  iat: [0, 9_999_999_999, null],
  nbf: [9_999_999_999, 'x'],
  iss: ['https://evil.invalid', null, [], ''],
  aud: ['https://evil.invalid', [], null, ['a', 'b']],
  auth_time: [9_999_999_999, null],
  client_id: ['web', null],
  scope: ['openid email profile admin']
}

const HEADERS: Record<string, unknown[]> = {
  alg: ['none', 'HS256', 'HS512', 'ES384', 'RS256', 'EdDSA', 'es256', '', null, 1, ['ES256'], {}],
  kid: ['unknown', '', null, 1, [], {}, '__proto__', '../../dev/null', "' OR 1=1 --", '\0', 'x'.repeat(500)],
  typ: ['JWT', 'AT+JWT ', '', null, 1, [], 'application/at+jwt2', 'logout+jwt'],
  crit: [['exp'], ['b64'], [], 'x'],
  b64: [false],
  jwk: [{ kty: 'oct', k: '' }],
  zip: ['DEF'],
  enc: ['A256GCM']
}

function changed (
  object: Record<string, unknown>,
  values: Record<string, unknown[]>,
  random: Random
): Record<string, unknown> {
  const name = random.of(Object.keys(values))
  const left = { ...object }
  delete left[name]
  return random.below(6) === 0 && name in object ? left : { ...left, [name]: random.of(values[name] ?? []) }
}

t.test(
  'of many mutated access tokens none is taken, and none is a fault of the server',
  { timeout: 200_000 },
  async (t) => {
    const { app, sql, url, login, log } = await signedIn(t, { LOG_LEVEL: 'error' })
    const tokens: string[] = []
    for (let person = 0; person < 3; person++) tokens.push((await login(person === 0 ? 'acme' : 'github')).access_token)
    const [token = '', ...others] = tokens
    const { rows: [key] } = await sql.query("SELECT public_jwk FROM signing_keys WHERE status = 'current'")
    const pem = createPublicKey({ key: key.public_jwk, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' })
      .toString()
    const forger: Forger = {
      random: createRandom(SEED),
      pem,
      stranger: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
      others
    }
    const ofText = Object.entries(OF_TEXT).map(
      ([name, mutate]) => [name, (text: string, { random }: Forger) => mutate(text, random)] as const
    )
    const ways = [...Object.entries(OF_JWT), ...ofText]
    const isHeader = (text: string) => /^[\t\x20-\x7e]*$/.test(text)

    function mutant (): { way: string, text: string } {
      for (;;) {
        const [way, mutate] = forger.random.of(ways)
        const text = mutate(token, forger)
        // White space around a header's value is not of the value (RFC 9110 section 5.5).
        if (text.trim() !== token && !others.includes(text.trim()) && isHeader(text)) return { way, text }
      }
    }

    /** A request for `/`, as the application got it. */
    async function receivedRequest (): Promise<FastifyRequest> {
      const { readBearer } = app
      const received = new Promise<FastifyRequest>((resolve) => {
        app.readBearer = async (request) => {
          resolve(request)
          return await readBearer(request)
        }
      })
      await app.inject('/')
      app.readBearer = readBearer
      return await received
    }

    const wrong: string[] = []
    const statuses: Record<string, number> = {}
    function judge (status: number, body: string, { way, text }: { way: string, text: string }): void {
      statuses[status] = (statuses[status] ?? 0) + 1
      if (status !== 401 || !/"code":"(invalid_token|unauthorized)"/.test(body)) {
        wrong.push(`${way}: ${status} ${text} ${body}`)
      }
    }

    // What all those routes have in common, and what decides, is `requireBearer`: most are given to that of the running
    // application itself, on a request that it has received. A hundred thousand requests would be spent on sockets and
    // headers.
    const request = await receivedRequest()
    for (let index = 0; index < TOKENS - INJECTED - OVER_HTTP && wrong.length < 10; index++) {
      const made = mutant()
      request.headers.authorization = `Bearer ${made.text}`
      const refusal: unknown = await app.requireBearer(request).then(
        () => 'none',
        (error) => error
      )
      judge(
        refusal instanceof Problem ? refusal.status : 500,
        refusal instanceof Problem ? `"code":"${refusal.code}"` : String(refusal),
        made
      )
    }
    request.headers.authorization = `Bearer ${token}`
    await app.requireBearer(request)
    for (let index = 0; index < INJECTED && wrong.length < 10; index++) {
      const made = mutant()
      const { statusCode, body } = await app.inject({ url: '/me', headers: { authorization: `Bearer ${made.text}` } })
      judge(statusCode, body, made)
    }
    const places = [
      ['GET', '/me'],
      ['GET', '/me/sessions'],
      ['GET', '/admin/users'],
      ['DELETE', '/me'],
      ['PATCH', '/me']
    ] as const
    for (let index = 0; index < OVER_HTTP && wrong.length < 10; index += 20) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const made = mutant()
          const [method, path] = forger.random.of(places)
          const response = await fetch(url + path, { method, headers: { authorization: `Bearer ${made.text}` } })
          judge(response.status, await response.text(), made)
        })
      )
    }
    t.same(wrong.slice(0, 10), [])
    t.same(statuses, { 401: TOKENS })
    for (const good of tokens) {
      t.equal(
        (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${good}` } })).status,
        200,
        'and the good ones are good'
      )
    }
    t.equal(log(), '')
  }
)

t.test(
  'of many mutated refresh tokens none is taken, and none ends the session of the good one',
  { timeout: 100_000 },
  async (t) => {
    const { app, url, login, refresh, log } = await signedIn(t, {
      LOG_LEVEL: 'error',
      ALLOWED_ORIGINS: 'https://app.example.com'
    })
    const { refresh_token: token } = await login()
    const random = createRandom(SEED)
    const wrong: string[] = []
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    for (let index = 0; index < REFRESH_TOKENS && wrong.length < 10; index++) {
      const [way, mutate] = random.of(Object.entries(OF_TEXT))
      const text = mutate(token, random)
      // Over HTTP for one in ten, in the body and as the cookie.
      const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: text }).toString()
      const { status, answer } =
        index % 10 > 0
          ? await app
            .inject({ method: 'POST', url: '/oauth2/token', headers: form, payload: body })
            .then((one) => ({ status: one.statusCode, answer: one.body }))
          : await fetch(
              `${url}/oauth2/token`,
              index % 20 === 0
                ? { method: 'POST', headers: form, body }
                : {
                    method: 'POST',
                    headers: {
                      ...form,
                      origin: 'https://app.example.com',
                      cookie: `signet-refresh=${encodeURIComponent(text)}`
                    },
                    body: 'grant_type=refresh_token'
                  }
          ).then(async (one) => ({ status: one.status, answer: await one.text() }))
      if (status !== 400 || !/"error":"invalid_grant"/.test(answer)) wrong.push(`${way}: ${status} ${text} ${answer}`)
    }
    t.same(wrong, [])
    t.equal(await refresh(token), 200, 'and the good one is good')
    t.equal(log(), '')
  }
)
