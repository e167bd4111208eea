import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { createLoginAttempts } from '../../src/sign-in/login-attempt.ts'
import { createSealer } from '../../src/vault/sealing.ts'

const sealer = createSealer([{ id: 'k', key: randomBytes(32) }], 'login-attempt')
const attempts = createLoginAttempts(sealer, { secure: false })

t.test('an attempt opens for its own state and provider only', async (t) => {
  const one = attempts.begin('github', { mode: 'direct' })
  const other = attempts.begin('github', { mode: 'direct' })
  const cookies = { [one.cookie.name]: one.cookie.value, [other.cookie.name]: other.cookie.value }
  t.match(attempts.open(cookies, one.state, 'github'), { provider: 'github', nonce: one.attempt.nonce, codeVerifier: one.attempt.codeVerifier })
  t.equal(attempts.open(cookies, one.state, 'google'), undefined, 'another provider')
  t.equal(attempts.open({}, one.state, 'github'), undefined, 'another browser')
  t.equal(attempts.open({ [one.cookie.name]: other.cookie.value }, one.state, 'github'), undefined, 'a cookie under another name')
  t.equal(attempts.open({ [one.cookie.name]: `${one.cookie.value}x` }, one.state, 'github'), undefined, 'altered')
  const secure = createLoginAttempts(sealer, { secure: true })
  t.match(secure.begin('github', { mode: 'direct' }).cookie.name, /^__Host-signet-login-/)
  t.equal(secure.open(cookies, one.state, 'github'), undefined, 'a cookie without its prefix')
})

t.test('what must make room: what is dead first, then the oldest', async (t) => {
  const pending = Array.from({ length: 10 }, () => attempts.begin('github', { mode: 'direct' }).cookie)
  const cookies = Object.fromEntries([['other', 'cookie'], ['signet-login-dead', 'rubbish'], ...pending.map(({ name, value }) => [name, value])])
  const surplus = attempts.surplus(cookies, 500)
  t.ok(surplus.includes('signet-login-dead'))
  t.notOk(surplus.includes('other'))
  const kept = Object.entries(cookies).filter(([name]) => !surplus.includes(name))
  t.ok(kept.reduce((bytes, [name, value]) => bytes + name.length + String(value).length, 0) < 3500)
})

/** As if it were so many milliseconds later. */
function later<Result> (milliseconds: number, work: () => Result): Result {
  const { now } = Date
  const frozen = now()
  Date.now = () => frozen + milliseconds
  try {
    return work()
  } finally {
    Date.now = now
  }
}

t.test('what an attempt consists of', async (t) => {
  const handOver = { mode: 'cookie' as const, returnTo: 'https://app' }
  const { attempt, state, cookie, codeChallenge } = attempts.begin('github', handOver)
  t.match(attempt, { provider: 'github', handOver, nonce: /^[\w-]{43}$/, codeVerifier: /^[\w-]{43}$/ })
  t.match(state, /^[\w-]{43}$/)
  t.equal(new Set([state, attempt.nonce, attempt.codeVerifier]).size, 3)
  const sha256 = (text: string) => createHash('sha256').update(text).digest()
  t.equal(codeChallenge, sha256(attempt.codeVerifier).toString('base64url'))
  t.same(attempts.stateHash(state), sha256(state))
  t.equal(cookie.name, attempts.cookieName(state))
  t.equal(cookie.name, `signet-login-${sha256(state).toString('base64url').slice(0, 16)}`)
})

t.test('an attempt lives for ten minutes, and may come from a clock that is a minute ahead', async (t) => {
  const lives = (milliseconds: number) => {
    const { cookie, state } = later(0, () => attempts.begin('github', { mode: 'direct' }))
    const startedAt = attempts.open({ [cookie.name]: cookie.value }, state, 'github')?.startedAt as number
    return later(startedAt + milliseconds - Date.now(), () => attempts.open({ [cookie.name]: cookie.value }, state, 'github') !== undefined)
  }
  t.same([600_000, 600_001, -60_000, -60_001].map(lives), [true, false, true, false])
})

t.test('a seal that opens with another state in it is none', async (t) => {
  const { attempt, state, cookie } = attempts.begin('github', { mode: 'direct' })
  const planted = sealer.seal(JSON.stringify({ ...attempt, state: 'another' }), cookie.name)
  t.equal(attempts.open({ [cookie.name]: planted }, state, 'github'), undefined)
})

t.test('six pending logins have room, and 3000 bytes; the oldest go first', async (t) => {
  const pending = Array.from({ length: 8 }, (_, index) => later(index * 1000 - 30_000, () => attempts.begin('github', { mode: 'direct' }).cookie))
  const cookies = Object.fromEntries(pending.map(({ name, value }) => [name, value]))
  t.same(attempts.surplus(cookies, 0).sort(), pending.slice(0, 3).map(({ name }) => name).sort(), 'five stay beside the new one')
  const [{ name, value }] = pending as [{ name: string, value: string }]
  const bytes = name.length + value.length + '=; '.length
  t.same(attempts.surplus({ [name]: value }, 3000 - bytes), [])
  t.same(attempts.surplus({ [name]: value }, 3001 - bytes), [name])
  const others = { [`x${name}`]: value, 'signet-login-empty': undefined }
  t.same(attempts.surplus(others, 0), ['signet-login-empty'], 'other cookies are not ours to clear')
  t.same(attempts.surplus({}, 5000), [])
})
