import fc from 'fast-check'
import type { WireRequest } from './wire.ts'

/** What the OpenAPI document says of one route, as far as requests are made from it. */
export interface Operation {
  parameters?: { in: 'path' | 'query', name: string, schema: Schema }[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}

export interface Schema {
  type?: string | string[]
  format?: string
  pattern?: string
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  minLength?: number
  maxLength?: number
}

/** Text as bytes, one a character, in UTF-8. */
const utf8 = (text: string) => Buffer.from(text).toString('latin1')

const POISON = [
  '{"__proto__":{"polluted":1}}',
  '{"constructor":{"prototype":{"polluted":1}}}',
  '{"a":{"__proto__":{"polluted":1}}}',
  '[{"__proto__":{"polluted":1}}]',
  '{"\\u005f_proto__":{"polluted":1}}',
  '{"__proto__":null}',
  '{"a":[{"constructor":{"prototype":{"polluted":1}}}]}'
]
const POISONED_QUERIES = [
  '__proto__[polluted]=1',
  '__proto__.polluted=1',
  'constructor[prototype][polluted]=1',
  '__proto__=1',
  'constructor=1',
  'a[__proto__][polluted]=1',
  'prototype=1',
  'hasOwnProperty=1',
  'toString=1',
  'valueOf=1'
]

/** Text that something, somewhere, has stumbled over. */
const NASTY = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'a\udfff',
  '\u202eabc',
  '\ufeff',
  '＠',
  '💥',
  'é'.repeat(50),
  '%',
  '%00',
  '%zz',
  '%E0%A4%A',
  '\r\nX-Injected: yes',
  '\nSet-Cookie: injected=1',
  '%0d%0aX-Injected: yes',
  '\t',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  '../../../etc/passwd',
  "' OR 1=1 --",
  "'; DROP TABLE users; --",
  '$1',
  '<script>alert(1)</script>',
  // eslint-disable-next-line no-template-curly-in-string
  '${7*7}',
  '{{7*7}}',
  '0',
  '-0',
  '-1',
  '1e400',
  '1e3',
  '0x10',
  '١٢',
  '9007199254740993',
  '99999999999999999999',
  'NaN',
  'Infinity',
  'null',
  'undefined',
  'true',
  '[]',
  '{}',
  '[object Object]',
  '2016-12-31T23:59:60Z',
  '0000-01-01T00:00:00Z',
  '0001-01-01T00:00:00+23:59',
  '9999-12-31T23:59:59.999999999-23:59',
  '2026-02-30T00:00:00Z',
  '2026-01-01t00:00:00z',
  '2026-01-01 00:00:00Z',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'urn:uuid:00000000-0000-0000-0000-000000000000',
  '{00000000-0000-0000-0000-000000000000}',
  'javascript:alert(1)',
  'data:text/html,x',
  '//evil.invalid',
  '/\\evil.invalid',
  'https://',
  'https://evil.invalid:99999',
  'http://[::1',
  'https://user:pw@evil.invalid/',
  'http://169.254.169.254/',
  'x'.repeat(201),
  'x'.repeat(5_000),
  'a&a=1',
  'MA',
  Buffer.from('99999999999999 00000000-0000-0000-0000-000000000000').toString('base64url')
]

/** What gets past the first checks of a parameter of this name. */
const FITTING: Record<string, string[]> = {
  provider: ['github', 'acme'],
  client_id: ['web', 'spa', 'signet'],
  clientId: ['web', 'spa'],
  client_secret: ['a secret: with colons & spaces'],
  redirect_uri: ['https://web.example.com/callback', 'http://127.0.0.1:5000/callback', 'com.example.app:/callback'],
  redirectUris: ['https://client.invalid/', 'com.example.app:/cb'],
  postLogoutRedirectUris: ['https://client.invalid/'],
  post_logout_redirect_uri: ['https://web.example.com/bye'],
  return_to: ['https://app.example.com/'],
  response_type: ['code'],
  code_challenge_method: ['S256'],
  code_challenge: ['c'.repeat(43)],
  code_verifier: ['v'.repeat(43)],
  grant_type: [
    'authorization_code',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:token-exchange'
  ],
  subject_token_type: ['urn:ietf:params:oauth:token-type:id_token'],
  scope: ['openid profile email'],
  url: ['https://hooks.invalid/', 'http://127.0.0.1:9/'],
  avatarUrl: ['https://pictures.invalid/a.png'],
  locale: ['pt-BR', 'x-private', 'en-u-ca-gregory'],
  code: ['not_found']
}

const TIMES = [
  '2026-01-01T00:00:00Z',
  '2016-12-31T23:59:60Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999-23:59',
  '2026-01-01T00:00:00.123456789+14:00',
  '1969-12-31T23:59:59Z'
]

/** The one, and the other once for `weight` times. */
const oftenest = <T>(weight: number, usual: fc.Arbitrary<T>, otherwise: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: otherwise })

const text = oftenest(
  2,
  fc.constantFrom(...NASTY),
  fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: 'grapheme', maxLength: 40 }))
)

const json: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER + 1, [], {}, [null], { a: 1 }),
  fc.jsonValue({ maxDepth: 4 }),
  fc.array(text, { maxLength: 60 })
)

/** The OpenAPI document with its schemas in the place of references to them. */
export function dereference<T> (document: T & { components: { schemas: Record<string, Schema> } }): T {
  return JSON.parse(JSON.stringify(document), (_, value) => {
    const [, name] = /^#\/components\/schemas\/(\w+)$/.exec(value?.$ref) ?? []
    return name === undefined ? value : document.components.schemas[name]
  })
}

/** A value that fits the schema, or nearly. */
function fitting (schema: Schema, name = ''): fc.Arbitrary<unknown> {
  if (FITTING[name] !== undefined && schema.type !== 'array') return fc.constantFrom(...FITTING[name])
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => fitting(one, name)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  const [type] = [schema.type].flat()
  if (type === 'object') return members(schema)
  if (type === 'array') {
    return fc.array(fitting(schema.items ?? {}, name), {
      minLength: schema.minItems ?? 0,
      maxLength: Math.min(schema.maxItems ?? 5, 5)
    })
  }
  if (type === 'integer') return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1000 })
  if (type === 'boolean') return fc.boolean()
  if (schema.format === 'uuid') return fc.uuid()
  if (schema.format === 'date-time') {
    return oftenest(
      1,
      fc.constantFrom(...TIMES),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') }).map((date) => date.toISOString())
    )
  }
  if (schema.pattern !== undefined && !schema.pattern.includes('\\p')) {
    return fc.stringMatching(new RegExp(schema.pattern, 'u'))
  }
  return oftenest(
    1,
    fc.string({ minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 50, 200) }),
    text
  )
}

/** An object of a schema, in which a member now and then is anything, missing, or one too many. */
function members ({ properties = {}, required = [] }: Schema): fc.Arbitrary<Record<string, unknown>> {
  const named = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, oftenest(7, fitting(schema, name), json)])
  )
  const requiredKeys = required.filter((name) => name in named)
  return oftenest(4, fc.record(named, { requiredKeys }), fc.record(named, { requiredKeys: [] })).chain((object) =>
    oftenest(
      5,
      fc.constant(object),
      fc.dictionary(text, json, { maxKeys: 3 }).map((more) => ({ ...object, ...more }))
    )
  )
}

const encoded = (value: unknown) => encodeURIComponent(String(value).toWellFormed())

/** Percent-encoded, or as bytes that URLs do not have. */
const inUrl = (value: fc.Arbitrary<unknown>) =>
  oftenest(
    5,
    value.map(encoded),
    fc.oneof(
      fc.constantFrom(
        '%',
        '%zz',
        '%ff',
        '%c0%80',
        '%ed%a0%80',
        '%00',
        '\xff',
        '\xc3\x28',
        '[',
        '\\',
        '"<>',
        '..',
        '.',
        '%2e%2e%2f',
        ';x=1',
        '+',
        '\x7f'
      ),
      fc.string({ maxLength: 20 }).map((one) => utf8(one).replaceAll(/[\s#?]/g, '%'))
    )
  )

function queryOf (parameters: NonNullable<Operation['parameters']>): fc.Arbitrary<string> {
  const known = parameters.filter((one) => one.in === 'query')
  const pair =
    known.length > 0
      ? fc
        .constantFrom(...known)
        .chain(({ name, schema }) =>
          inUrl(oftenest(3, fitting(schema, name), text)).map((value) => `${name}=${value}`)
        )
      : fc.constant('limit=1')
  const all = fc
    .tuple(
      ...known.map(({ name, schema }) =>
        fc.option(
          inUrl(fitting(schema, name)).map((value) => `${name}=${value}`),
          { freq: 4 }
        )
      )
    )
    .map((pairs) => pairs.filter((one) => one !== null))
  const strange = fc.oneof(
    fc.constantFrom(...POISONED_QUERIES, '&&&', '=', 'a', 'a[]=1&a[]=2', `${'a=1&'.repeat(1200)}a=1`),
    fc.tuple(inUrl(text), inUrl(text)).map((both) => both.join('=')),
    pair
  )
  return oftenest(
    2,
    all,
    fc.tuple(all, fc.array(strange, { minLength: 1, maxLength: 3 })).map(([one, other]) => [...one, ...other])
  ).map((pairs) => (pairs.length > 0 ? `?${pairs.join('&')}` : ''))
}

const DEEP: ((depth: number) => string)[] = [
  (depth) => '['.repeat(depth) + ']'.repeat(depth),
  (depth) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`,
  (depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth),
  (depth) => '['.repeat(depth)
]
const deep = fc
  .tuple(fc.constantFrom(...DEEP), fc.constantFrom(20, 33, 1_000, 5_000, 15_000))
  .map(([make, depth]) => make(depth))

const HUGE: ((size: number) => string)[] = [
  (size) => `{"a":"${'x'.repeat(size)}"}`,
  (size) => `a=${'x'.repeat(size)}`,
  (size) => ' '.repeat(size),
  (size) => `{${Array.from({ length: size / 12 }, (_, index) => `"k${index}":1`).join(',')}}`,
  (size) => 'a=1&'.repeat(size / 4)
]
const huge = fc
  .tuple(fc.constantFrom(...HUGE), fc.constantFrom(16_500, 65_000, 65_536, 65_537, 300_000))
  .map(([make, size]) => make(size))

const broken = fc.constantFrom(
  '{',
  '{"a":1,}',
  '{"a":1}{"a":2}',
  '"',
  'nul',
  '\xff\xfe{\0}\0',
  '{"a":"\xc3\x28"}',
  '{"name":"\xed\xa0\x80"}',
  '\xef\xbb\xbf{}',
  '{"a":1e999}',
  '{"name":"\\ud800"}',
  '{"name":"\\u0000"}',
  '{"name":"a","name":{}}',
  "{'a':1}",
  '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--'
)
const forms = (schema: Schema) =>
  members(schema).chain((object) => {
    const pairs = Object.entries(object).flatMap(([name, value]) =>
      [value].flat().map((one) => `${encoded(name)}=${encoded(typeof one === 'object' ? JSON.stringify(one) : one)}`)
    )
    return oftenest(
      2,
      fc.constant(pairs),
      fc
        .constantFrom(...POISONED_QUERIES, ...pairs, 'a=%ff', 'a=%', '%00=%00', 'a=\xff')
        .map((more) => [...pairs, more])
    ).map((all) => all.join('&'))
  })

/** The media type and the body. */
function bodyOf (schema: Schema): fc.Arbitrary<{ type: string | undefined, body: string | undefined }> {
  const asJson = members(schema).map((object) => ({ type: 'application/json', body: utf8(JSON.stringify(object)) }))
  const asForm = forms(schema).map((body) => ({ type: 'application/x-www-form-urlencoded', body: utf8(body) }))
  const values = json.map((value) => utf8(JSON.stringify(value)))
  const written = fc.oneof(asJson, asForm).map(({ body }) => body)
  const anything = fc.oneof(written, values, fc.constantFrom(...POISON), deep, huge, broken, text.map(utf8))
  const anythingAsJson = anything.map((body) => ({ type: 'application/json', body }))
  const otherwise = fc.record({
    type: fc.option(mediaType, { nil: undefined, freq: 8 }),
    body: fc.option(anything, { nil: undefined, freq: 12 })
  })
  return oftenest(1, oftenest(1, asJson, asForm), oftenest(1, anythingAsJson, otherwise))
}

/** With tabs and spaces where a parser may take them for nothing (CVE-2026-25223, CVE-2026-33806). */
const mediaType = fc.oneof(
  fc.constantFrom(
    'application/json',
    'application/json\t',
    'application/json\ta',
    '\tapplication/json',
    '  application/json',
    'application/json ;charset=utf-8',
    'application/json; charset=utf-16',
    'application/json;',
    'application /json',
    'APPLICATION/JSON',
    'application/json, text/plain',
    'application/json\xa0',
    'application/x-www-form-urlencoded\t',
    'application/x-www-form-urlencoded; charset=\xff',
    'application/merge-patch+json',
    'application/merge-patch+json\t;x=y',
    'text/plain',
    'text/html',
    'multipart/form-data; boundary=x',
    'application/xml',
    '__proto__',
    'constructor',
    'toString/valueOf',
    '/',
    ';',
    '*/*',
    'a'.repeat(5000),
    `application/json${';a=b'.repeat(500)}`
  ),
  fc.string({ maxLength: 20 }).map((one) => utf8(one).replaceAll(/[\r\n\0]/g, ' '))
)

const headerValue = fc
  .oneof(text, fc.string({ maxLength: 100 }))
  .map((value) => utf8(value.toWellFormed()).replaceAll(/[\r\n]/g, ' '))

/** Headers that something in the server reads. */
const header: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'accept',
      'origin',
      'referer',
      'user-agent',
      'if-match',
      'if-none-match',
      'x-request-id',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-forwarded-proto',
      'forwarded',
      'accept-language',
      'x-injected-by',
      'range',
      'content-encoding',
      'sec-fetch-site',
      'traceparent',
      'x-http-method-override',
      'accept-encoding',
      'access-control-request-method'
    ),
    headerValue
  ),
  fc.constantFrom<[string, string]>(
    ['accept', 'text/html'],
    ['accept', 'text/html;q=\xff'],
    ['origin', 'https://app.example.com'],
    ['origin', 'null'],
    ['origin', 'https://evil.invalid'],
    ['if-match', '*'],
    ['if-none-match', 'W/"x", *'],
    ['x-forwarded-for', '1.2.3.4,\t5.6.7.8, \xff'],
    ['expect', '100-continue'],
    ['content-encoding', 'gzip'],
    ['upgrade', 'h2c'],
    ['__proto__', 'x'],
    ['constructor', 'x'],
    ['user-agent', `${'x'.repeat(7000)}`]
  ),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '__proto__=1',
          '__proto__[polluted]=1',
          'constructor=x',
          'signet-refresh=%',
          'signet-refresh=%ff',
          'signet-refresh="a"',
          'signet-device=%7B%7D',
          '=',
          ';',
          'a',
          'signet-login-x=\xff',
          `signet-login-${'a'.repeat(16)}=${'b'.repeat(2000)}`
        ),
        fc
          .tuple(fc.constantFrom('signet-refresh', 'signet-device', 'signet-login-aaaaaaaaaaaaaaaa', 'a'), headerValue)
          .map((pair) => pair.join('='))
      ),
      { minLength: 1, maxLength: 8 }
    )
    .map((cookies): [string, string] => ['cookie', cookies.join('; ')])
)

/** `Authorization` of somebody who has nothing to show. */
const authorization = fc.oneof(
  fc.constantFrom(
    'Bearer',
    'Bearer ',
    'Bearer a.b.c',
    'bearer\tx',
    'Basic',
    'Basic Og==',
    `Basic ${btoa('web:%')}`,
    `Basic ${btoa('web:a%20secret%3A%20with%20colons%20%26%20spaces')}`,
    'Basic \xff',
    `Bearer ${'x'.repeat(8000)}`,
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    'Digest x',
    '__proto__'
  ),
  headerValue
)

/**
 * Requests for one route: most fit in all but a little, so that they come far, and some are nothing but bytes. `ids`
 * are what stands in the path for somebody's own things; who sends it is added by `bearer`, nobody without.
 */
export function requestsTo (
  method: string,
  path: string,
  operation: Operation,
  ids: (name: string) => string,
  bearer: string | undefined
): fc.Arbitrary<WireRequest> {
  const parameters = operation.parameters ?? []
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema
  const parts = path.split('/').map((part) => {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? []
    if (name === undefined) return fc.constant(part)
    const own = parameters.find((one) => one.in === 'path' && one.name === name)
    return oftenest<string>(3, fc.constantFrom(ids(name)), inUrl(oftenest(1, fitting(own?.schema ?? {}, name), text)))
  })
  const noBody = fc.constant({ type: undefined, body: undefined })
  const body =
    method === 'GET' ? oftenest(9, noBody, bodyOf({})) : schema ? bodyOf(schema) : oftenest(2, noBody, bodyOf({}))
  const who = bearer === undefined ? fc.option(authorization, { freq: 1 }) : fc.constant(`Bearer ${bearer}`)
  return fc
    .record({
      path: fc.tuple(...parts),
      query: oftenest(1, fc.constant(''), queryOf(parameters)),
      body,
      headers: fc.array(header, { maxLength: 3 }),
      who
    })
    .map(({ path, query, body: { type, body }, headers, who }) => ({
      method,
      target: path.join('/') + query,
      headers: [
        ...headers,
        ...(who === null ? [] : [['authorization', who] as [string, string]]),
        ...(type === undefined ? [] : [['content-type', type] as [string, string]])
      ],
      body
    }))
}
