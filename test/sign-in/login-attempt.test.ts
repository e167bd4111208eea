import { randomBytes } from 'node:crypto'
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
