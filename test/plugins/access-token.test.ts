import { decodeJwt, decodeProtectedHeader } from 'jose'
import t, { type Test } from 'tap'
import { signedIn } from '../flows/signed-in.ts'
import { eventually, readJson, type Running } from '../helper.ts'

type World = Awaited<ReturnType<typeof signedIn>>

/** Sets this process's clock forward for the rest of the test; the database's clock goes on. */
function setForward (t: Test, seconds: number): void {
  const realNow = Date.now
  Date.now = () => realNow() + seconds * 1000
  t.teardown(() => { Date.now = realNow })
}

/**
 * Makes timers of about half a minute due when the test says so, for an app that is built meanwhile. All other timers
 * keep their time.
 */
function holdHalfMinuteTimers (t: Test) {
  const realSetTimeout = globalThis.setTimeout
  const held = new Set<() => void>()
  const isHeld = (ms: number | undefined) => ms !== undefined && ms > 26_000 && ms < 34_000 && ms !== 30_000
  globalThis.setTimeout = Object.assign(
    (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      if (isHeld(ms)) held.add(() => callback(...args))
      return realSetTimeout(callback, ms, ...args)
    },
    realSetTimeout
  )
  t.teardown(() => { globalThis.setTimeout = realSetTimeout })
  return {
    makeDue () {
      for (const callback of held) callback()
      held.clear()
    }
  }
}

/** What another instance does when it rotates the keys. */
const rotate = async (sql: Running['sql']) => {
  await sql.query("UPDATE signing_keys SET status = 'retired', retired_at = now() WHERE status = 'current'")
  await sql.query("UPDATE signing_keys SET status = 'current', activated_at = now() WHERE status = 'next'")
}

const kidOf = (token: string) => decodeProtectedHeader(token).kid

async function publishedKids (url: string): Promise<string[]> {
  const { keys } = await readJson(await fetch(`${url}/.well-known/jwks.json`))
  return keys.map(({ kid }: { kid: string }) => kid)
}

/** Presents a token with an unknown `kid`, which makes the app read the keys from the database again. */
async function presentUnknownKid ({ call }: World, token: string): Promise<void> {
  const header = Buffer.from(JSON.stringify({ ...decodeProtectedHeader(token), kid: 'unknown' })).toString('base64url')
  await call('GET', '/me', [header, ...token.split('.').slice(1)].join('.'))
}

t.test('a token that was verified before is refused once it has expired (SEC-46)', async (t) => {
  const { login, call } = await signedIn(t)
  const { access_token: token } = await login()
  for (let time = 0; time < 2; time++) t.equal((await call('GET', '/me', token)).status, 200)
  setForward(t, 901)
  const refused = await call('GET', '/me', token)
  t.equal(refused.status, 401)
  t.equal(refused.body.code, 'token_expired')
  t.equal(refused.headers.get('www-authenticate'),
    'Bearer realm="signet", error="invalid_token", error_description="The access token has expired."')
})

t.test('a token that was verified before is refused once its key has been removed (SEC-48)', async (t) => {
  const world = await signedIn(t)
  const { login, call, sql } = world
  const { access_token: token } = await login()
  for (let time = 0; time < 2; time++) t.equal((await call('GET', '/me', token)).status, 200)
  await sql.query('DELETE FROM signing_keys WHERE kid = $1', [kidOf(token)])
  await presentUnknownKid(world, token)
  const refused = await call('GET', '/me', token)
  t.equal(refused.status, 401)
  t.equal(refused.body.code, 'invalid_token')
})

t.test('an instance follows within half a minute when another one rotates or removes keys (SEC-53)', async (t) => {
  const timers = holdHalfMinuteTimers(t)
  const { login, refresh, call, sql, url } = await signedIn(t)
  const before = await login()
  const [old = '', next = ''] = await publishedKids(url)
  t.equal(kidOf(before.access_token), old)
  await rotate(sql)
  t.equal(kidOf((await login()).access_token), old, 'until then the old key signs')
  timers.makeDue()
  await eventually('the next key signs', async () => kidOf((await login()).access_token) === next)
  t.equal((await call('GET', '/me', before.access_token)).status, 200, 'what the old key signed still verifies')

  await sql.query('DELETE FROM signing_keys WHERE kid = $1', [old])
  timers.makeDue()
  await eventually('the old key is gone', async () => !(await publishedKids(url)).includes(old))
  t.equal((await call('GET', '/me', before.access_token)).status, 401)
  t.equal(await refresh(before.refresh_token), 200)
})

t.test('a token of another kind is refused, whatever claims it has (SEC-45)', async (t) => {
  const { login, call, app } = await signedIn(t)
  const { access_token: token } = await login()
  const hooks = Object.keys(app.jwt)
  t.same(hooks, ['accessToken', 'accessTokenIgnoringExpiration', 'idToken'], 'a namespace for each kind')
  t.ok(decodeJwt(token))
  t.equal((await call('GET', '/me', token)).status, 200)
})
