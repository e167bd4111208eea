import { createPublicKey, randomBytes, type JsonWebKey } from 'node:crypto'
import t, { type Test } from 'tap'
import { calculateJwkThumbprint, jwtVerify } from 'jose'
import type { By } from '../../src/audit/events.ts'
import type { KeyRepository, SigningKeyRow } from '../../src/keys/repository.ts'
import { createKeyService, type KeyServiceOptions, type PublicJwk } from '../../src/keys/service.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { slow } from '../slow.ts'

const HOUR = 3600
const CLI: By = { actorId: 'me', caller: {} }

/** The table in memory. */
function createTable () {
  let rows: SigningKeyRow[] = []
  const by: By[] = []
  let reads = 0
  const repository: KeyRepository = {
    list: async () => { reads++; return rows },
    async change (plan, who) {
      const { retire, activate, create, remove } = plan(rows)
      const now = new Date()
      if (retire.length > 0) by.push(who)
      const isKnown = rows.some(({ kid }) => kid === activate)
      if (activate !== undefined && !isKnown) throw new Error(`There is no key ${activate}.`)
      rows = [
        ...rows.filter(({ kid }) => !remove.includes(kid)).map((row) => ({
          ...row,
          ...retire.includes(row.kid) ? { status: 'retired', retiredAt: now } : {},
          ...row.kid === activate ? { status: 'current', activatedAt: now } : {}
        })),
        ...create.map((key): SigningKeyRow =>
          ({ ...key, createdAt: now, activatedAt: key.status === 'current' ? now : null, retiredAt: null }))
      ]
    }
  }
  return {
    repository,
    by,
    reads: () => reads,
    rows: () => rows,
    set: (of: SigningKeyRow[]) => { rows = of },
    /** Makes all keys older. */
    age: (seconds: number) => {
      const older = (time: Date) => new Date(time.getTime() - seconds * 1000)
      rows = rows.map((row) => ({
        ...row,
        createdAt: older(row.createdAt),
        activatedAt: row.activatedAt && older(row.activatedAt),
        retiredAt: row.retiredAt && older(row.retiredAt)
      }))
    }
  }
}

const sealer = createSealer([{ id: 'k', key: randomBytes(32) }], 'signing-key')
const defaults = {
  sealer, algorithm: 'ES256', rotationSeconds: 24 * HOUR, tokenSeconds: 900, sessionSeconds: 0, replaceUnusable: false
} as const
const serve = (repository: KeyRepository, more: Partial<KeyServiceOptions> = {}) =>
  createKeyService({ ...defaults, repository, ...more })
const statuses = (rows: { status: string }[]) => rows.map(({ status }) => status).sort()

t.test('the first start creates a current and a next key, and the next start nothing', async (t) => {
  const { repository, rows, by } = createTable()
  const keys = serve(repository)
  t.throws(() => keys.sign('JWT', {}), { message: /not been loaded/ }, 'no key yet')
  t.equal(keys.signingSince(), undefined)
  t.same(keys.publicKeys(), [])
  await keys.maintain()
  t.same(statuses(rows()), ['current', 'next'])
  t.same(by, [], 'nothing was rotated')
  const before = rows()
  await keys.maintain()
  await serve(repository).maintain()
  t.equal(rows(), before)
})

/** Creates keys for an algorithm, and checks the tokens that they sign and the public keys. */
async function checkKeys (t: Test, algorithm: 'ES256' | 'EdDSA' | 'RS256', kty: string): Promise<PublicJwk[]> {
  const { repository, rows } = createTable()
  const keys = serve(repository, { algorithm })
  await keys.maintain()
  const current = rows().find(({ status }) => status === 'current') as SigningKeyRow
  const key = await keys.verificationKey(current.kid)
  t.equal(key?.alg, algorithm)
  for (const typ of ['at+jwt', 'JWT'] as const) {
    const token = keys.sign(typ, { sub: 'u' })
    const { payload, protectedHeader } = await jwtVerify(token, createPublicKey(key?.publicPem ?? ''))
    t.match(payload, { sub: 'u' })
    t.same(protectedHeader, { alg: algorithm, typ, kid: current.kid })
  }
  const published = keys.publicKeys()
  t.same(published.map(({ kid }) => kid).sort(), rows().map(({ kid }) => kid).sort())
  for (const jwk of published) {
    t.match(jwk, { kty, alg: algorithm, use: 'sig' })
    t.notOk('d' in jwk, 'no private half')
    t.equal(jwk.kid, await calculateJwkThumbprint(jwk), 'RFC 7638')
  }
  t.equal(keys.signingSince(), current.activatedAt)
  t.ok(sealer.open(current.sealedPrivateKey, current.kid)?.startsWith('-----BEGIN PRIVATE KEY'))
  return published
}

t.test('tokens verify with jose, with the header that a JWT needs, for each type and algorithm', async (t) => {
  t.match(await checkKeys(t, 'ES256', 'EC'), [{ crv: 'P-256' }])
  t.match(await checkKeys(t, 'EdDSA', 'OKP'), [{ crv: 'Ed25519' }])
})

slow.test('an RSA key has 3072 bits (SEC-43)', async (t) => {
  const [jwk] = await checkKeys(t, 'RS256', 'RSA')
  t.equal(Buffer.from(jwk?.n ?? '', 'base64url').length, 3072 / 8)
})

t.test('keys are rotated when they are due, and removed when no token of them is alive (SEC-53)', async (t) => {
  const { repository, rows, age, by } = createTable()
  const keys = serve(repository)
  await keys.maintain()
  const [first, next] = ['current', 'next'].map((status) => rows().find((row) => row.status === status)?.kid)
  age(24 * HOUR + 1)
  await keys.maintain()
  t.same(statuses(rows()), ['current', 'next', 'retired'])
  t.equal(rows().find(({ status }) => status === 'current')?.kid, next)
  t.match(by, [{ actorId: null, caller: {}, details: { by: 'schedule' } }])
  t.ok(await keys.verificationKey(first ?? ''), 'the tokens that it signed still verify')
  t.match(keys.publicKeys().map(({ kid }) => kid), [first])
  age(900 + 299)
  await keys.maintain()
  t.ok(rows().some(({ kid }) => kid === first))
  age(2)
  await keys.maintain()
  t.notOk(rows().some(({ kid }) => kid === first), 'after the lifetime of a token and five minutes')
  t.equal(await keys.verificationKey(first ?? ''), undefined)
  t.same(statuses(rows()), ['current', 'next'])
})

t.test('an operator rotates the keys at once', async (t) => {
  const { repository, rows, by } = createTable()
  const keys = serve(repository)
  await keys.maintain()
  const next = rows().find(({ status }) => status === 'next')?.kid
  await keys.rotate(CLI)
  t.same(by, [CLI])
  t.equal(rows().find(({ status }) => status === 'current')?.kid, next)
  const key = await keys.verificationKey(next ?? '')
  const { protectedHeader } = await jwtVerify(keys.sign('JWT', {}), createPublicKey(key?.publicPem ?? ''))
  t.equal(protectedHeader.kid, next, 'the new current key signs')
  t.same(await keys.list(), rows().map(({ publicJwk, sealedPrivateKey, ...info }) => info))
})

t.test('another algorithm replaces both keys, and the old current one goes on verifying', async (t) => {
  const { repository, rows } = createTable()
  await serve(repository).maintain()
  const first = rows().find(({ status }) => status === 'current')?.kid
  const keys = serve(repository, { algorithm: 'EdDSA' })
  await keys.maintain()
  t.same(rows().map(({ alg, status }) => `${alg} ${status}`).sort(), ['ES256 retired', 'EdDSA current', 'EdDSA next'])
  t.ok(await keys.verificationKey(first ?? ''))
})

t.test('an unknown kid makes an instance read the database again, once in five seconds (SEC-48)', async (t) => {
  const { repository, rows, reads } = createTable()
  const [one, other] = [serve(repository), serve(repository)]
  await one.maintain()
  await other.reload()
  await one.rotate(CLI)
  const current = rows().find(({ status }) => status === 'current')?.kid ?? ''
  const added = rows().find(({ status }) => status === 'next')?.kid ?? ''
  t.equal((await other.verificationKey(current))?.alg, 'ES256', 'known as the next key')
  const before = reads()
  const [found, again] = await Promise.all([other.verificationKey(added), other.verificationKey(added)])
  t.ok(found)
  t.equal(again, found)
  t.equal(reads(), before + 1, 'concurrent lookups share one query')
  for (let index = 0; index < 20; index++) t.equal(await other.verificationKey(`unknown ${index}`), undefined)
  t.equal(reads(), before + 1)
  const now = Date.now
  t.teardown(() => { Date.now = now })
  Date.now = () => now() + 5_000
  await other.verificationKey('unknown')
  t.equal(reads(), before + 2)
})

t.test('a reload sees the changes of other instances, and keeps the keys that have not changed', async (t) => {
  const { repository, set, rows } = createTable()
  const [one, other] = [serve(repository), serve(repository)]
  await one.maintain()
  await other.reload()
  const kids = () => other.publicKeys().map(({ kid }) => kid)
  const held = other.publicKeys()[0]
  await other.reload()
  t.equal(other.publicKeys()[0], held, 'the same object: it was not parsed again')
  await one.rotate(CLI)
  const since = other.signingSince()
  await other.reload()
  t.not(other.signingSince(), since)
  t.equal(kids().length, 3)
  const signed = other.sign('JWT', {})
  set([])
  await other.reload()
  t.same(kids(), [])
  const [header] = other.sign('JWT', {}).split('.')
  t.equal(header, signed.split('.')[0], 'it goes on signing with the key that it has')
  t.same(rows(), [])
})

t.test('a key that no encryption key opens stops the start, or is replaced in development', async (t) => {
  const { repository, rows } = createTable()
  await serve(repository).maintain()
  const before = rows()
  const elsewhere = createSealer([{ id: 'k', key: randomBytes(32) }], 'signing-key')
  await t.rejects(serve(repository, { sealer: elsewhere }).maintain(), { message: before[0]?.kid as string })
  t.equal(rows(), before)
  const keys = serve(repository, { sealer: elsewhere, replaceUnusable: true })
  await keys.reload()
  t.throws(() => keys.sign('JWT', {}))
  await keys.maintain()
  t.same(statuses(rows()), ['current', 'next', 'retired'])
  t.ok(keys.sign('JWT', {}))
  const after = rows()
  await t.resolves(serve(repository, { sealer: elsewhere }).maintain(), 'a retired key need not be opened')
  t.equal(rows(), after)
})

slow.test(
  'the algorithm that clients want for ID tokens has keys beside, which rotate alike and go again',
  async (t) => {
    const { repository, rows, age } = createTable()
    let wanted: 'RS256'[] = []
    const idTokenAlgorithms = async () => wanted
    const [one, other] = [serve(repository, { idTokenAlgorithms }), serve(repository, { idTokenAlgorithms })]
    const states = () => rows().map(({ alg, status }) => `${alg} ${status}`).sort()
    const algorithmOf = (token: string) => {
      const [header = ''] = token.split('.')
      return JSON.parse(Buffer.from(header, 'base64url').toString()).alg
    }
    await one.maintain()
    await other.reload()
    t.same(states(), ['ES256 current', 'ES256 next'], 'no RSA key before a client wants one')
    t.same(one.algorithms(), ['ES256'])
    t.throws(() => one.sign('JWT', {}, 'RS256'))

    wanted = ['RS256']
    await Promise.all([one.prepare('RS256'), one.prepare('RS256')])
    t.same(states(), ['ES256 current', 'ES256 next', 'RS256 current', 'RS256 next'])
    t.same(one.algorithms(), ['ES256', 'RS256'])
    t.same([one.sign('JWT', {}), one.sign('JWT', {}, 'RS256')].map(algorithmOf), ['ES256', 'RS256'])
    const before = rows()
    await other.prepare('RS256')
    await one.maintain()
    t.equal(rows(), before, 'another instance, and the next minute, find them')
    t.equal(algorithmOf(other.sign('JWT', {}, 'RS256')), 'RS256')

    await one.rotate(CLI)
    t.same(states(), [
      'ES256 current', 'ES256 next', 'ES256 retired', 'RS256 current', 'RS256 next', 'RS256 retired'
    ])
    age(24 * HOUR + 1)
    await one.maintain()
    const retired = rows().filter(({ status }) => status === 'retired').map(({ alg }) => alg).sort()
    t.same(retired, ['ES256', 'RS256'], 'and those from the day before are gone')

    wanted = []
    await one.maintain()
    t.notOk(states().some((state) => state === 'RS256 current' || state === 'RS256 next'))
    t.same(one.algorithms(), ['ES256'])
    t.throws(() => one.sign('JWT', {}, 'RS256'))

    const rsa = serve(repository, { algorithm: 'RS256', idTokenAlgorithms })
    await rsa.maintain()
    t.same(rsa.algorithms(), ['RS256'], 'as SIGNING_ALG it replaces the others')
    t.notOk(states().some((state) => state === 'ES256 current' || state === 'ES256 next'))
  }
)

t.test('another algorithm gets keys of its own where it is needed, once, and loses its signer with them', async (t) => {
  const { repository, rows, by, reads, set } = createTable()
  const keys = serve(repository, { algorithm: 'EdDSA' })
  await keys.maintain()
  const es256 = rows()
  t.same(keys.algorithms(), ['EdDSA'])
  await Promise.all([keys.prepare('ES256'), keys.prepare('ES256')])
  t.same(rows().map(({ alg, status }) => `${alg} ${status}`).sort(), [
    'ES256 current', 'ES256 next', 'EdDSA current', 'EdDSA next'
  ])
  t.same(rows().filter(({ alg }) => alg === 'EdDSA'), es256, 'the others stay as they are')
  t.same(by, [], 'nothing was rotated')
  t.same(keys.algorithms(), ['EdDSA', 'ES256'])
  const key = rows().find(({ alg, status }) => alg === 'ES256' && status === 'current') as SigningKeyRow
  const publicKey = createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' })
  const token = await keys.sign('JWT', { sub: 'u' }, 'ES256')
  t.match((await jwtVerify(token, publicKey)).protectedHeader, { alg: 'ES256', kid: key.kid })
  const before = reads()
  await keys.prepare('ES256')
  t.equal(reads(), before, 'it is there')

  const other = serve(repository, {
    algorithm: 'EdDSA', idTokenAlgorithms: async () => ['ES256']
  })
  await other.maintain()
  t.equal(rows().length, 4, 'an instance that needs it finds it')
  await other.rotate(CLI)
  t.same(rows().map(({ alg, status }) => `${alg} ${status}`).sort(), [
    'ES256 current', 'ES256 next', 'ES256 retired', 'EdDSA current', 'EdDSA next', 'EdDSA retired'
  ], 'each is rotated by itself')

  const retired = rows().find(({ alg, status }) => alg === 'ES256' && status === 'retired') as SigningKeyRow
  await keys.reload()
  t.ok(await keys.verificationKey(retired.kid))
  rows().filter(({ kid }) => kid === retired.kid).forEach((row) => { row.retiredAt = new Date(Date.now() - 1201_000) })
  await keys.reload()
  t.equal(await keys.verificationKey(retired.kid), undefined, 'its last token has expired')

  set(rows().filter(({ alg }) => alg === 'EdDSA'))
  await keys.reload()
  t.same(keys.algorithms(), ['EdDSA'])
  t.throws(() => keys.sign('JWT', {}, 'ES256'), { message: /not been loaded/ })
})
