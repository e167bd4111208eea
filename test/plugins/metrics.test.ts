import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { createBrowser } from '../fakes/browser.ts'
import { GITHUB_PATHS, startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { setupWithClients } from '../flows/setup-with-clients.ts'
import { setup } from '../helper.ts'
import { sampler } from './scrape.ts'

async function world (t: Test) {
  const [github, acme] = await Promise.all([startFakeGitHub(), startFakeOidc()])
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  const running = await setup(t, { ...github.settings, ...acme.settings('acme'), OIDC_ACME_NAME: 'Acme & Sons' })
  return { ...running, github, acme, ...sampler(running.url) }
}

t.test('the login funnel counts every login once in each stage that it reached', async (t) => {
  const { url, github, acme, sql, samples } = await world(t)
  const login = (provider: string) => createBrowser(url).login(`/login/${provider}`)

  t.equal((await login('github')).status, 200)
  t.equal((await login('acme')).status, 200)
  github.deny()
  t.equal((await login('github')).json().code, 'access_denied')
  github.allow()
  github.fault(GITHUB_PATHS.token, { kind: 'status', status: 500 }, { times: 1 })
  t.equal((await login('github')).json().code, 'provider_error')
  await sql.query('UPDATE users SET disabled_at = now()')
  t.equal((await login('github')).json().code, 'account_disabled')
  await createBrowser(url).start('/login/github')
  const stranger = createBrowser(url)
  t.equal((await stranger.get('/login/github/callback?state=stolen&code=x')).json().code, 'invalid_state')
  const careless = createBrowser(url)
  const callback = new URL(await careless.authorize(await careless.start('/login/github')))
  callback.searchParams.append('code', 'twice')
  t.equal((await careless.callback(callback.href)).json().code, 'invalid_request')
  acme.fault(acme.paths.token, { kind: 'json', value: {} })
  t.equal((await login('acme')).json().code, 'provider_error')

  t.same(await samples('login_attempts_total'), {
    'provider="github",stage="started",outcome="succeeded",code=""': 6,
    'provider="github",stage="returned",outcome="succeeded",code=""': 3,
    'provider="github",stage="returned",outcome="failed",code="access_denied"': 1,
    'provider="github",stage="returned",outcome="failed",code="invalid_state"': 1,
    'provider="github",stage="returned",outcome="failed",code="invalid_request"': 1,
    'provider="github",stage="identified",outcome="succeeded",code=""': 2,
    'provider="github",stage="identified",outcome="failed",code="provider_error"': 1,
    'provider="github",stage="completed",outcome="succeeded",code=""': 1,
    'provider="github",stage="completed",outcome="failed",code="account_disabled"': 1,
    'provider="acme",stage="started",outcome="succeeded",code=""': 2,
    'provider="acme",stage="returned",outcome="succeeded",code=""': 2,
    'provider="acme",stage="identified",outcome="succeeded",code=""': 1,
    'provider="acme",stage="identified",outcome="failed",code="provider_error"': 1,
    'provider="acme",stage="completed",outcome="succeeded",code=""': 1
  })
  t.match(
    await samples('provider_request_duration_seconds_count'),
    {
      'provider="github",step="token"': 3,
      'provider="acme",step="discovery"': 1,
      'provider="acme",step="token"': 2,
      'provider="acme",step="jwks"': 1
    },
    'calls are counted under the id of the provider, not its name'
  )
})

t.test('a login that cannot start, and one with the database away, are told by their codes', async (t) => {
  const { url, github, acme, database, samples } = await world(t)
  acme.fault(acme.paths.discovery, { kind: 'status', status: 503 })
  t.equal((await createBrowser(url).get('/login/acme')).json().code, 'provider_error')
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  await database.goAway()
  t.equal((await browser.callback(callback)).status, 503)
  const counts = await samples('login_attempts_total')
  t.equal(counts['provider="acme",stage="started",outcome="failed",code="provider_error"'], 1)
  t.equal(counts['provider="github",stage="returned",outcome="failed",code="service_unavailable"'], 1)
  t.same(github.unexpected(), [])
})

t.test('no label holds what a client sent', async (t) => {
  const { url, scrape } = await world(t)
  for (const path of [
    '/login/canary',
    '/login/canary/callback?state=canary&code=canary&error=canary',
    '/canary',
    '/problems/canary',
    '/me?canary=1',
    '/CANARY'
  ]) {
    await fetch(url + path, { headers: { 'x-request-id': 'canary', 'user-agent': 'canary' } })
  }
  await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'canary', provider: 'canary', client_id: 'canary' })
  })
  t.notMatch(await scrape(), /canary/i)
})

t.test('refreshes by what came of them, and a stolen one apart', async (t) => {
  const { url, signIn, refresh, sql } = await setupWithClients(t)
  const { samples } = sampler(url)
  t.same(
    await samples('token_refreshes_total'),
    { 'outcome="rotated"': 0, 'outcome="refused"': 0, 'outcome="reuse_detected"': 0 },
    'there before the first'
  )
  const { refresh_token: first } = await signIn()
  const { body: { refresh_token: second } } = await refresh(first)
  await refresh(second)
  t.equal((await refresh(first)).status, 400, 'two rotations back')
  t.equal((await refresh('rubbish')).status, 400)
  t.same(await samples('token_refreshes_total'), {
    'outcome="rotated"': 2,
    'outcome="refused"': 1,
    'outcome="reuse_detected"': 1
  })
  t.ok((await sql.query("SELECT FROM audit_events WHERE type = 'token.reuse_detected'")).rowCount)
})

t.test('the age of the key, the pool, and the queue', async (t) => {
  const { app, sql, samples } = await world(t)
  const age = (await samples('signing_key_age_seconds'))['']
  t.ok(age !== undefined && age >= 0 && age < 60, `${age} s`)
  t.match(await samples('database_connections'), {
    'state="total"': Number,
    'state="idle"': Number,
    'state="waiting"': 0
  })
  t.same(await samples('jobs'), { 'state="waiting"': 0, 'state="retrying"': 0, 'state="failed"': 0 })
  t.same(await samples('job_oldest_age_seconds'), { '': 0 })

  // A task that nobody works on: a job of the future, one to be tried again, one that is given up.
  await sql.query(
    `SELECT graphile_worker.add_job('nobody', '{}'::json, run_at := now() + interval '1 hour')
    FROM generate_series(1, 3)`
  )
  await sql.query(`
    WITH jobs AS (SELECT id, row_number() OVER (ORDER BY id) AS place FROM graphile_worker._private_jobs)
    UPDATE graphile_worker._private_jobs SET last_error = 'x', created_at = now() - interval '2 hours',
      attempts = CASE place WHEN 2 THEN 3 ELSE max_attempts END
    FROM jobs WHERE jobs.id = _private_jobs.id AND place > 1`)
  t.same(
    await samples('jobs'),
    { 'state="waiting"': 0, 'state="retrying"': 0, 'state="failed"': 0 },
    'not asked again at once'
  )
  t.match(await app.jobs.state(), { waiting: 1, retrying: 1, failed: 1 })
  const { oldestSeconds } = await app.jobs.state()
  t.ok(oldestSeconds > 7190 && oldestSeconds < 7260, `${oldestSeconds} s`)
})

t.test('a scrape is quick with the database away, and leaves out what it cannot know', async (t) => {
  const { app, database, samples, scrape } = await world(t)
  // A database that takes connections and says nothing: the worst way to be away.
  app.jobs.state = () => new Promise(() => {})
  await database.goAway()
  const startedAt = performance.now()
  t.match(await scrape(), 'signing_key_age_seconds ')
  t.ok(performance.now() - startedAt < 1500, `${performance.now() - startedAt} ms`)
  t.same(await samples('jobs'), {})
  t.same(await samples('job_oldest_age_seconds'), {})
})

t.test('docs/operations.md lists every metric with its type and its help, as /metrics has them', async (t) => {
  const [{ url }, withRedis] = await Promise.all([
    setup(t),
    setup(t, { REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMITS: 'on' })
  ])
  t.notMatch(await sampler(url).scrape(), 'redis_up', 'without Redis there is none to be away')
  t.same(describedIn(await sampler(withRedis.url).scrape()), await documented())
})

interface Described {
  name: string
  type: string
  help: string
}

function describedIn (text: string): Described[] {
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\w+)$/gm)]
    .map(([, name = '', help = '', type = '']) => ({ name, type, help }))
    .filter(({ name }) => !/^(process|nodejs)_/.test(name))
    .sort((one, other) => one.name.localeCompare(other.name))
}

async function documented (): Promise<Described[]> {
  const text = await readFile(join(packageRoot, 'docs/operations.md'), 'utf8')
  return [...text.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| [^|]*\| (.*) \|$/gm)]
    .map(([, name = '', type = '', help = '']) => ({ name, type, help }))
    .sort((one, other) => one.name.localeCompare(other.name))
}
