import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { createLoginAttempts, type LoginAttempt } from '../../src/sign-in/login-attempt.ts'
import { createSealer } from '../../src/vault/sealing.ts'

const sealer = createSealer([{ id: 'k', key: randomBytes(32) }], 'pending-login')
const attempts = createLoginAttempts(sealer, { secure: false })

/** An attempt at GitHub that starts now, and its cookie. */
function begin (by = attempts) {
  const [state, codeVerifier, nonce] = [0, 1, 2].map(() => randomBytes(32).toString('base64url')) as [
    string,
    string,
    string
  ]
  const completion = { mode: 'direct' } as const
  const attempt: LoginAttempt = { provider: 'github', completion, state, codeVerifier, nonce, startedAt: Date.now() }
  return { attempt, state, cookie: by.seal(attempt) }
}

t.test('an attempt opens for its own state and provider only', async (t) => {
  const one = begin()
  const other = begin()
  const cookies = { [one.cookie.name]: one.cookie.value, [other.cookie.name]: other.cookie.value }
  t.same(attempts.open(cookies, one.state, 'github'), one.attempt)
  t.equal(attempts.open(cookies, one.state, 'google'), undefined, 'another provider')
  t.equal(attempts.open({}, one.state, 'github'), undefined, 'another browser')
  t.equal(
    attempts.open({ [one.cookie.name]: other.cookie.value }, one.state, 'github'),
    undefined,
    'a cookie under another name'
  )
  t.equal(attempts.open({ [one.cookie.name]: `${one.cookie.value}x` }, one.state, 'github'), undefined, 'altered')
  const secure = createLoginAttempts(sealer, { secure: true })
  t.match(begin(secure).cookie.name, /^__Host-signet-login-/)
  t.equal(secure.open(cookies, one.state, 'github'), undefined, 'a cookie without its prefix')
})

t.test('what must make room: what is dead first, then the oldest', async (t) => {
  const pending = Array.from({ length: 10 }, () => begin().cookie)
  const cookies = Object.fromEntries([
    ['other', 'cookie'],
    ['signet-login-dead', 'rubbish'],
    ...pending.map(({ name, value }) => [name, value])
  ])
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

t.test("the name of an attempt's cookie comes from its state", async (t) => {
  const { state, cookie } = begin()
  const sha256 = createHash('sha256').update(state).digest()
  t.same(attempts.stateHash(state), sha256)
  t.equal(cookie.name, attempts.cookieName(state))
  t.equal(cookie.name, `signet-login-${sha256.toString('base64url').slice(0, 16)}`)
})

t.test('an attempt lives for ten minutes, and may come from a clock that is a minute ahead', async (t) => {
  const lives = (milliseconds: number) => {
    const { cookie, state } = later(0, () => begin())
    const startedAt = attempts.open({ [cookie.name]: cookie.value }, state, 'github')?.startedAt as number
    return later(
      startedAt + milliseconds - Date.now(),
      () => attempts.open({ [cookie.name]: cookie.value }, state, 'github') !== undefined
    )
  }
  t.same([600_000, 600_001, -60_000, -60_001].map(lives), [true, false, true, false])
})

t.test('a seal that opens with another state in it is none', async (t) => {
  const { attempt, state, cookie } = begin()
  const planted = sealer.seal(JSON.stringify({ ...attempt, state: 'another' }), cookie.name)
  t.equal(attempts.open({ [cookie.name]: planted }, state, 'github'), undefined)
})

t.test('six pending logins have room, and 3000 bytes; the oldest go first', async (t) => {
  const pending = Array.from({ length: 8 }, (_, index) => later(index * 1000 - 30_000, () => begin().cookie))
  const cookies = Object.fromEntries(pending.map(({ name, value }) => [name, value]))
  t.same(
    attempts.surplus(cookies, 0).sort(),
    pending
      .slice(0, 3)
      .map(({ name }) => name)
      .sort(),
    'five stay beside the new one'
  )
  const [{ name, value }] = pending as [{ name: string, value: string }]
  const bytes = name.length + value.length + '=; '.length
  t.same(attempts.surplus({ [name]: value }, 3000 - bytes), [])
  t.same(attempts.surplus({ [name]: value }, 3001 - bytes), [name])
  const others = { [`x${name}`]: value, 'signet-login-empty': undefined }
  t.same(attempts.surplus(others, 0), ['signet-login-empty'], 'other cookies are not ours to clear')
  t.same(attempts.surplus({}, 5000), [])
})
