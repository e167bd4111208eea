import { createHmac, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { decodeJwt } from 'jose'
import t from 'tap'
import { readSettings } from '../../src/settings.ts'
import { ORIGIN, attemptName, world } from './world.ts'

/** What verifiers of JWTs, and those who keep secrets, got wrong. Each test is named after them. */

const { url, another, github, login, begin, call, token, renew, signIn, signing } = await world(t)
const { access_token: good, refresh_token: refreshToken, user } = await login()
const { kid, pem, sign } = await signing()
const [, payload = '', signature = ''] = good.split('.')
const claims = decodeJwt(good)
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const me = async (bearer: string) => (await call('GET', '/me', bearer)).status

/** The claims of a good token under an HMAC. */
function hmac (alg: string, key: string, header: object = {}) {
  const input = `${encode({ alg, typ: 'at+jwt', kid, ...header })}.${payload}`
  return `${input}.${createHmac(alg.replace('HS', 'sha'), key).update(input).digest('base64url')}`
}

t.test('what is right is taken', async (t) => {
  t.equal(await me(good), 200)
  t.equal(await me(await sign(claims)), 200, 'and so are the tokens of these tests, but for what is wrong with them')
})

t.test('CVE-2023-48223: the public key is no secret for an HMAC', async (t) => {
  for (const alg of ['HS256', 'HS384', 'HS512']) t.equal(await me(hmac(alg, pem)), 401, alg)
})

t.test('CVE-2026-34950: nor is it with white space in front', async (t) => {
  for (const space of ['\n', ' ', '\t', '\r\n', '\n\n']) {
    t.equal(await me(hmac('HS256', space + pem)), 401, JSON.stringify(space))
  }
})

t.test('GHSA-ww5h-9m49-7xx4: nor in any other spelling', async (t) => {
  const spellings = [
    pem.trim(),
    pem.replaceAll('\n', '\r\n'),
    `\ufeff${pem}`,
    `# key\n${pem}`,
    pem.replace(/-----[^-]+-----/g, '').replaceAll('\n', ''),
    pem.replaceAll('PUBLIC KEY', 'RSA PUBLIC KEY')
  ]
  for (const spelling of spellings) for (const alg of ['HS256', 'HS512']) t.equal(await me(hmac(alg, spelling)), 401)
})

t.test('CVE-2026-44351: a kid that nobody knows brings no empty key', async (t) => {
  for (const unknown of ['unknown', '', null, undefined, 0, [], '__proto__', 'constructor']) {
    for (const key of ['', '\0', 'undefined']) {
      t.equal(await me(hmac('HS256', key, { kid: unknown })), 401, String(unknown))
    }
  }
})

t.test('CVE-2026-107720: what is not signed is not taken, whatever key there is', async (t) => {
  for (const alg of ['none', 'None', 'NONE', '', null, undefined]) {
    for (const unknown of [kid, 'unknown', undefined]) {
      for (const end of ['', signature]) {
        t.equal(await me(`${encode({ alg, typ: 'at+jwt', kid: unknown })}.${payload}.${end}`), 401, `${alg} ${unknown}`)
      }
    }
  }
})

t.test('CVE-2026-107723: a list, even one that Signet has signed, holds no claims', async (t) => {
  const { privateKey } = await signing()
  const { CompactSign } = await import('jose')
  for (const value of [[], [claims], [['sub', user.id]], 'text', 1, true, null]) {
    const jws = await new CompactSign(Buffer.from(JSON.stringify(value)))
      .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt' })
      .sign(privateKey)
    t.equal(await me(jws), 401, JSON.stringify(value))
  }
})

t.test('CVE-2026-35042: a token that says it must be understood otherwise is refused', async (t) => {
  t.equal(await me(await sign(claims, { crit: ['x'], x: true })), 401, 'signed by Signet itself')
  t.equal(await me(await sign(claims, { x: true })), 200, 'what need not be understood does no harm')
})

t.test('CVE-2026-35039: tokens that are alike are not taken for each other', async (t) => {
  github.user({ id: 2, login: 'another' })
  const other = await login()
  github.user({ id: 1, login: 'octocat', email: 'octocat@github.com' })
  for (let round = 0; round < 3; round++) {
    t.equal((await call('GET', '/me', good)).body.id, user.id)
    t.equal((await call('GET', '/me', other.access_token)).body.id, other.user.id)
  }
  // Of the parts of a token that was verified a moment ago, none vouches for the rest.
  t.equal(await me([...good.split('.').slice(0, 2), other.access_token.split('.')[2]].join('.')), 401)
  t.equal(await me([good.split('.')[0], other.access_token.split('.')[1], signature].join('.')), 401)
  t.equal(await me(await sign({ ...claims, sub: other.user.id })), 401, "another's session")
})

t.test('CVE-2026-35040: the same token is as good the next time', async (t) => {
  for (let round = 0; round < 5; round++) t.equal(await me(good), 200)
})

t.test('CVE-2026-35041: an audience is a text, not a pattern, however long', async (t) => {
  const { app } = await another({ TOKEN_AUDIENCE: '^(a+)+$|.*' })
  t.equal(
    (await app.inject({ url: '/me', headers: { authorization: `Bearer ${good}` } })).statusCode,
    401,
    'no pattern lets it in'
  )
  const long = await sign({ ...claims, aud: `${'a'.repeat(5_000)}!` })
  t.equal((await app.inject({ url: '/me', headers: { authorization: `Bearer ${long}` } })).statusCode, 401)
})

t.test('CVE-2026-110024: every access and ID token ends, after the time that is set', async (t) => {
  const byCode = await signIn({ scope: 'openid' })
  const { body: renewed } = await renew((await login()).refresh_token)
  for (const jwt of [good, byCode.access_token, byCode.id_token, renewed.access_token]) {
    const { exp = Infinity, iat = 0 } = decodeJwt(jwt)
    t.equal(exp - iat, 900)
  }
  const { exp: _none, ...immortal } = claims
  t.equal(await me(await sign(immortal)), 401, 'one that would not is not taken')
  for (const never of ['0', '-1', '86400', 'Infinity', '1y']) {
    t.throws(() => readSettings({ ACCESS_TOKEN_TTL: never }), /ACCESS_TOKEN_TTL/, never)
  }
})

t.test('GHSA-xmf8-cvqr-rfgj: a header that cannot be read is a 401, and no fault', async (t) => {
  for (const authorization of [
    'Bearer',
    'Bearer ',
    'Bearer  ',
    'bearer',
    `Bearer${good}`,
    `Bearer ${good} ${good}`,
    `Bearer, ${good}`,
    'Bearer .',
    'Bearer ..',
    'Bearer ...',
    'Bearer a',
    'Bearer a.b',
    'Bearer =',
    `Token ${good}`,
    good,
    '{}'
  ]) {
    const { status, body } = await call('GET', '/me', undefined, undefined, { authorization })
    t.match([status, body.code], [401, /^(unauthorized|invalid_token)$/], authorization)
  }
})

t.test('CVE-2023-48309: what a login is kept in meanwhile is no session', async (t) => {
  const { browser, state } = await begin()
  const attempt = browser.cookies()[0]?.value ?? ''
  for (const value of [attempt, state]) {
    t.equal(await me(value), 401)
    t.equal((await renew(value)).body.error, 'invalid_grant')
    t.equal(
      (
        await token(
          { grant_type: 'refresh_token' },
          { cookie: `signet-refresh=${encodeURIComponent(value)}`, origin: ORIGIN }
        )
      ).body.error,
      'invalid_grant'
    )
    t.equal(
      (
        await call('GET', '/device/confirm', undefined, undefined, {
          cookie: `signet-device=${encodeURIComponent(value)}`
        })
      ).status,
      400
    )
  }
})

t.test('CVE-2026-110864: what is sealed for one purpose opens for no other', async (t) => {
  const { browser, callback, state } = await begin()
  const attempt = browser.cookies()[0]?.value ?? ''
  const { body: device } = await call('POST', '/oauth2/device_authorization', undefined, { client_id: 'signet' })
  const typed = await browser.post('/device', { form: { user_code: device.user_code }, headers: { origin: url } })
  const visit = browser.cookies().find(({ name }) => name === 'signet-device')?.value ?? ''
  t.match([typed.status, visit], [200, /./])
  for (const other of [visit, refreshToken, good]) {
    t.equal(
      (
        await call('GET', callback.pathname + callback.search, undefined, undefined, {
          cookie: `${attemptName(state)}=${encodeURIComponent(other)}`
        })
      ).body.code,
      'invalid_state'
    )
  }
  for (const other of [attempt, refreshToken, good]) {
    t.equal(
      (
        await call('GET', '/device/login/github', undefined, undefined, {
          cookie: `signet-device=${encodeURIComponent(other)}`
        })
      ).body.code,
      'invalid_state'
    )
  }
  t.equal((await browser.callback(callback.href)).status, 200)
})

t.test('CVE-2026-125758: a secret that stands in an example, or can be guessed, does not start', async (t) => {
  const production = {
    NODE_ENV: 'production',
    ISSUER_URL: 'https://id.example.com',
    DATABASE_URL: 'postgresql://db/signet'
  }
  t.throws(() => readSettings(production), /ENCRYPTION_KEYS/, 'nor does none')
  const examples = [
    ...readFileSync(new URL('../../.env.example', import.meta.url), 'utf8').matchAll(/ENCRYPTION_KEYS=(\S+)/g)
  ].map(([, value = '']) => value)
  for (const key of [
    ...examples,
    'changeme',
    'k1:changeme',
    `k1:${Buffer.alloc(32).toString('base64')}`,
    `k1:${Buffer.alloc(32, 'a').toString('base64')}`,
    `k1:${Buffer.from('secret').toString('base64')}`
  ]) {
    t.throws(() => readSettings({ ...production, ENCRYPTION_KEYS: key }), /ENCRYPTION_KEYS/, key)
  }
  const publicKey = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(12)
  const own = { ...production, ENCRYPTION_KEYS: `k1:${publicKey.toString('base64')}` }
  for (const secret of ['changeme', 'secret', '<secret>', 'your-client-secret']) {
    t.throws(
      () => readSettings({ ...own, GITHUB_CLIENT_ID: 'x', GITHUB_CLIENT_SECRET: secret }),
      /GITHUB_CLIENT_SECRET/,
      secret
    )
  }
  t.ok(readSettings(own))
})

t.test('GO-2026-4807: the place in a list is a time and an id and nothing that a query is made of', async (t) => {
  const cursors = [
    "' OR 1=1 --",
    "1 '; DROP TABLE sessions; --",
    "0 00000000-0000-0000-0000-000000000000' OR 1=1",
    '{"id":1}',
    '-1 x',
    '1) UNION SELECT 1'
  ]
  for (const cursor of cursors.flatMap((text) => [
    text,
    Buffer.from(text).toString('base64url'),
    Buffer.from(text).toString('base64')
  ])) {
    for (const path of ['/me/sessions', '/me/activity']) {
      t.match(
        (await call('GET', `${path}?cursor=${encodeURIComponent(cursor)}`, good)).body,
        { status: 400, code: 'validation_failed' },
        cursor
      )
    }
  }
  for (const name of ['PAGINATION_SECRET', 'SYSTEM_SECRET']) {
    t.same(readSettings({ [name]: 'x' }), readSettings({}), 'there is no secret for it')
  }
})
