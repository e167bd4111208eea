import { createPublicKey, randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { calculateJwkThumbprint, jwtVerify } from 'jose'
import type { By } from '../../src/audit/events.ts'
import type { KeyChanges, KeyRepository, SigningKeyRow } from '../../src/keys/repository.ts'
import { createKeyService, type KeyServiceOptions, type PublicJwk } from '../../src/keys/service.ts'
import { createSealer } from '../../src/vault/sealing.ts'

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
      const { retire, activate, create, remove }: KeyChanges = plan(rows)
      if (retire.length > 0) by.push(who)
      if (activate !== undefined && !rows.some(({ kid }) => kid === activate)) throw new Error(`There is no key ${activate}.`)
      rows = [
        ...rows.filter(({ kid }) => !remove.includes(kid)).map((row) => ({
          ...row,
          ...retire.includes(row.kid) ? { status: 'retired', retiredAt: new Date() } : {},
          ...row.kid === activate ? { status: 'current', activatedAt: new Date() } : {}
        })),
        ...create.map((key) => ({ ...key, createdAt: new Date(), activatedAt: key.status === 'current' ? new Date() : null, retiredAt: null }) as SigningKeyRow)
      ]
    }
  }
  return {
    repository,
    by,
    reads: () => reads,
    rows: () => rows,
    set: (of: SigningKeyRow[]) => { rows = of },
    /** As if so much time had passed. */
    age: (seconds: number) => {
      const older = (at: Date | null) => at && new Date(at.getTime() - seconds * 1000)
      rows = rows.map((row) => ({ ...row, createdAt: older(row.createdAt) as Date, activatedAt: older(row.activatedAt), retiredAt: older(row.retiredAt) }))
    }
  }
}

const sealer = createSealer([{ id: 'k', key: randomBytes(32) }], 'signing-key')
const serve = (repository: KeyRepository, more: Partial<KeyServiceOptions> = {}) =>
  createKeyService({ repository, sealer, algorithm: 'ES256', rotationSeconds: 24 * HOUR, tokenSeconds: 900, replaceUnusable: false, ...more })
const statuses = (rows: { status: string }[]) => rows.map(({ status }) => status).sort()

t.test('the first start makes a key that signs and one that will, and the next start nothing', async (t) => {
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

/** Starts with keys of that algorithm, and checks what they sign and what is published of them. */
async function signs (t: Test, algorithm: 'ES256' | 'EdDSA' | 'RS256', kty: string): Promise<PublicJwk[]> {
  const { repository, rows } = createTable()
  const keys = serve(repository, { algorithm })
  await keys.maintain()
  const current = rows().find(({ status }) => status === 'current') as SigningKeyRow
  const key = await keys.verificationKey(current.kid)
  t.equal(key?.alg, algorithm)
  for (const typ of ['at+jwt', 'JWT'] as const) {
    const { payload, protectedHeader } = await jwtVerify(keys.sign(typ, { sub: 'u' }), createPublicKey(key?.publicPem ?? ''))
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

t.test('what is signed verifies, with the members that a JWT needs', async (t) => {
  t.match(await signs(t, 'ES256', 'EC'), [{ crv: 'P-256' }])
  t.match(await signs(t, 'EdDSA', 'OKP'), [{ crv: 'Ed25519' }])
})

t.test('with RSA too, of 3072 bits', async (t) => {
  const [jwk] = await signs(t, 'RS256', 'RSA')
  t.equal(Buffer.from(jwk?.n ?? '', 'base64url').length, 3072 / 8)
})

t.test('keys are rotated when it is time, and removed when nothing of theirs lives', async (t) => {
  const { repository, rows, age, by } = createTable()
  const keys = serve(repository)
  await keys.maintain()
  const [first, next] = ['current', 'next'].map((status) => rows().find((row) => row.status === status)?.kid)
  age(24 * HOUR + 1)
  await keys.maintain()
  t.same(statuses(rows()), ['current', 'next', 'retired'])
  t.equal(rows().find(({ status }) => status === 'current')?.kid, next)
  t.match(by, [{ actorId: null, caller: {}, details: { by: 'schedule' } }])
  t.ok(await keys.verificationKey(first ?? ''), 'what it signed still verifies')
  t.match(keys.publicKeys().map(({ kid }) => kid), [first])
  age(900 + 299)
  await keys.maintain()
  t.ok(rows().some(({ kid }) => kid === first))
  age(2)
  await keys.maintain()
  t.notOk(rows().some(({ kid }) => kid === first), 'the longest life of a token, and five minutes')
  t.equal(await keys.verificationKey(first ?? ''), undefined)
  t.same(statuses(rows()), ['current', 'next'])
})

t.test('an operator rotates at once', async (t) => {
  const { repository, rows, by } = createTable()
  const keys = serve(repository)
  await keys.maintain()
  const next = rows().find(({ status }) => status === 'next')?.kid
  await keys.rotate(CLI)
  t.same(by, [CLI])
  t.equal(rows().find(({ status }) => status === 'current')?.kid, next)
  const { protectedHeader } = await jwtVerify(keys.sign('JWT', {}), createPublicKey((await keys.verificationKey(next ?? ''))?.publicPem ?? ''))
  t.equal(protectedHeader.kid, next, 'and the new one signs')
  t.same(await keys.list(), rows().map(({ kid, alg, status, createdAt, activatedAt, retiredAt }) => ({ kid, alg, status, createdAt, activatedAt, retiredAt })))
})

t.test('another algorithm takes both keys\' places, and the old current one goes on verifying', async (t) => {
  const { repository, rows } = createTable()
  await serve(repository).maintain()
  const first = rows().find(({ status }) => status === 'current')?.kid
  const keys = serve(repository, { algorithm: 'EdDSA' })
  await keys.maintain()
  t.same(rows().map(({ alg, status }) => `${alg} ${status}`).sort(), ['ES256 retired', 'EdDSA current', 'EdDSA next'])
  t.ok(await keys.verificationKey(first ?? ''))
})

t.test('an instance looks again for a key that it does not know, once in five seconds', async (t) => {
  const { repository, rows, reads } = createTable()
  const [one, other] = [serve(repository), serve(repository)]
  await one.maintain()
  await other.reload()
  await one.rotate(CLI)
  const current = rows().find(({ status }) => status === 'current')?.kid ?? ''
  const added = rows().find(({ status }) => status === 'next')?.kid ?? ''
  t.equal((await other.verificationKey(current))?.alg, 'ES256', 'it knew it as the next one')
  const before = reads()
  const [found, again] = await Promise.all([other.verificationKey(added), other.verificationKey(added)])
  t.ok(found)
  t.equal(again, found)
  t.equal(reads(), before + 1, 'they share one look')
  for (let index = 0; index < 20; index++) t.equal(await other.verificationKey(`unknown ${index}`), undefined)
  t.equal(reads(), before + 1)
  const now = Date.now
  t.teardown(() => { Date.now = now })
  Date.now = () => now() + 5_000
  await other.verificationKey('unknown')
  t.equal(reads(), before + 2)
})

t.test('a reload follows the others, and keeps what has not changed', async (t) => {
  const { repository, set, rows } = createTable()
  const [one, other] = [serve(repository), serve(repository)]
  await one.maintain()
  await other.reload()
  const kids = () => other.publicKeys().map(({ kid }) => kid)
  const held = other.publicKeys()[0]
  await other.reload()
  t.equal(other.publicKeys()[0], held, 'the same object: nothing is parsed again')
  await one.rotate(CLI)
  const since = other.signingSince()
  await other.reload()
  t.not(other.signingSince(), since)
  t.equal(kids().length, 3)
  const signed = other.sign('JWT', {})
  set([])
  await other.reload()
  t.same(kids(), [])
  t.equal(other.sign('JWT', {}).split('.')[0], signed.split('.')[0], 'who has a key goes on signing with it')
  t.same(rows(), [])
})

t.test('a key that cannot be opened stops the start, or is replaced where nothing depends on it', async (t) => {
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
  await t.resolves(serve(repository, { sealer: elsewhere }).maintain(), 'what is retired needs no opening')
  t.equal(rows(), after)
})
