import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { startFakeGitHub } from '../fakes/github.ts'
import { setupWithClients } from '../flows/setup-with-clients.ts'
import { freePort } from '../free-port.ts'
import { readJson, setup } from '../helper.ts'
import { slow } from '../slow.ts'
import { startRedis, withoutRedis } from './redis.ts'
import { sampler } from './scrape.ts'

/** Login starts an address has a minute for. */
const LIMIT = 100

async function world (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, { ...github.settings, RATE_LIMITS: 'on', ...environment })

  /** The status of one start of a login, from an address as a proxy forwards it. */
  const start = async (forwardedFor?: string, at = running.url) =>
    (
      await fetch(`${at}/login/github`, {
        redirect: 'manual',
        headers: forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor }
      })
    ).status

  /** How many of `n` starts are let through. */
  const starts = async (
    n: number,
    forwardedFor: (index: number) => string | undefined = () => undefined,
    at = running.url
  ) => {
    const statuses = await Promise.all(Array.from({ length: n }, (_, index) => start(forwardedFor(index), at)))
    const strange = statuses.filter((status) => status !== 302 && status !== 429)
    if (strange.length > 0) throw new Error(`Answered with ${strange.join(', ')}`)
    return statuses.filter((status) => status === 302).length
  }

  return { ...running, start, starts }
}

slow.test('what is over the limit is told when to come back, in the fields of the draft too', async (t) => {
  const { url, starts } = await world(t)
  t.equal(await starts(LIMIT + 5), LIMIT)
  const response = await fetch(`${url}/login/github`, { redirect: 'manual' })
  t.match([response.status, (await readJson(response)).code], [429, 'rate_limited'])
  const wait = response.headers.get('retry-after')
  t.match(wait, /^([1-9]|[1-5]\d|60)$/)
  t.equal(response.headers.get('ratelimit'), `"signIn";r=0;t=${wait}`)
  t.equal(response.headers.get('ratelimit-policy'), '"signIn";q=100;w=60')
})

t.test('the OAuth endpoints tell it too, as their error', async (t) => {
  const { url, token } = await setupWithClients(t, { RATE_LIMITS: 'on' })
  for (let call = 0; call < LIMIT; call++) {
    await fetch(`${url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x' })
    })
  }
  const { status, headers, body } = await token({ grant_type: 'refresh_token', refresh_token: 'x', client_id: 'spa' })
  t.match([status, body.error], [429, 'temporarily_unavailable'])
  t.match(headers.get('retry-after'), /^\d+$/)
  t.match(headers.get('ratelimit-policy'), '"failedTokenCalls"')
})

slow.test('nobody gets a new address by writing one into a header', async (t) => {
  await t.test('without a trusted proxy the header says nothing', async (t) => {
    const { starts } = await world(t)
    t.equal(await starts(LIMIT + 20, (index) => `198.51.100.${index}`), LIMIT)
  })

  await t.test('behind one, only what the proxy added counts', async (t) => {
    const { starts, start } = await world(t, { TRUST_PROXY: '127.0.0.1' })
    t.equal(await starts(LIMIT + 20, (index) => `198.51.100.${index}, 203.0.113.7`), LIMIT)
    t.equal(await start('203.0.113.8'), 302, 'another client of the same proxy has its own')
  })
})

t.test('an IPv6 client is its /64, an IPv4-mapped one its IPv4 address', async (t) => {
  const { starts, start } = await world(t, { TRUST_PROXY: '127.0.0.1' })
  t.equal(await starts(LIMIT + 20, (index) => `2001:db8:1:2:${index.toString(16)}::${index.toString(16)}`), LIMIT)
  t.equal(await start('2001:db8:1:2:ffff:ffff:ffff:ffff'), 429)
  t.equal(await start('2001:DB8:0001:0002::1'), 429, 'however it is written')
  t.equal(await start('2001:db8:1:3::1'), 302, 'the next /64 is another customer')

  t.equal(await starts(LIMIT, () => '203.0.113.7'), LIMIT)
  t.equal(await start('::ffff:203.0.113.7'), 429)
  t.equal(await start('::ffff:cb00:7107'), 429)
})

t.test('no way of writing the path leads round a limit', async (t) => {
  const { url, starts } = await world(t)
  await starts(LIMIT + 1)
  for (const path of [
    '//login/github',
    '/login//github',
    '/login/github/',
    '/LOGIN/github',
    '/Login/GitHub',
    '/login/github;x=1',
    '/login/%67ithub',
    '/./login/github',
    '/login/github?return_to=x'
  ]) {
    const { status, headers } = await fetch(url + path, { redirect: 'manual' })
    t.match(status, /^(404|429)$/, `${path}: ${status}`)
    t.equal(headers.get('set-cookie'), null, path)
  }
})

t.test('a limit is checked without being counted, and counted without being checked', async (t) => {
  const { app: { limits: { wrongDeviceCodes } } } = await world(t)
  for (let turn = 0; turn < 20; turn++) await wrongDeviceCodes.check('one')
  for (let turn = 0; turn < 9; turn++) await wrongDeviceCodes.add('one')
  await wrongDeviceCodes.check('one')
  await wrongDeviceCodes.add('one')
  await t.rejects(wrongDeviceCodes.check('one'), {
    code: 'rate_limited',
    headers: { 'ratelimit-policy': '"wrongDeviceCodes";q=10;w=60' }
  })
  await wrongDeviceCodes.add('one')
  await wrongDeviceCodes.check('other')
})

t.test('what was counted can be taken back', async (t) => {
  const { app: { limits: { wrongDeviceCodes } } } = await world(t)
  for (let turn = 0; turn < 30; turn++) {
    await wrongDeviceCodes.count('one')
    await wrongDeviceCodes.refund('one')
  }
  for (let turn = 0; turn < 10; turn++) await wrongDeviceCodes.count('one')
  await t.rejects(wrongDeviceCodes.count('one'), { code: 'rate_limited' })
})

t.test('requests from many addresses do not fill the memory: the oldest counts are forgotten', async (t) => {
  const { app: { limits: { wrongDeviceCodes } } } = await world(t)
  for (let turn = 0; turn < 10; turn++) await wrongDeviceCodes.count('first')
  for (let index = 0; index < 19_999; index++) await wrongDeviceCodes.count(`address ${index}`)
  await t.rejects(wrongDeviceCodes.check('first'), { code: 'rate_limited' })
  await wrongDeviceCodes.count('one more')
  await wrongDeviceCodes.check('first')
})

slow.test('with Redis', { skip: withoutRedis }, async (t) => {
  const port = await freePort()
  const redis = await startRedis(t, port)
  const { app, url, another, starts, start, log } = await world(t, {
    REDIS_URL: `redis://127.0.0.1:${port}`,
    TRUST_PROXY: '127.0.0.1'
  })
  const { app: other, address } = await another()
  const isUp = async () =>
    (await Promise.all([url, address].map(async (at) => (await sampler(at).samples('redis_up'))['']))).join()
  const countedLocally = async () => (await sampler(url).samples('rate_limit_local_counts_total'))['']
  const until = async (state: string) => {
    for (let attempt = 0; (await isUp()) !== state; attempt++) {
      if (attempt > 200) throw new Error(`redis_up is ${await isUp()}, not ${state}`)
      await sleep(50)
    }
  }
  const complaints = () => log().match(/Redis is unavailable/g)?.length ?? 0
  await until('1,1')

  await t.test('two instances count together', async (t) => {
    t.equal(await starts(60, () => '203.0.113.1'), 60)
    t.equal(await starts(60, () => '203.0.113.1', address), LIMIT - 60)
    t.equal(await start('203.0.113.1'), 429)
    for (let turn = 0; turn < 10; turn++) await app.limits.wrongDeviceCodes.add('203.0.113.1')
    await t.rejects(other.limits.wrongDeviceCodes.check('203.0.113.1'), { code: 'rate_limited' })
    await other.limits.wrongDeviceCodes.check('203.0.113.2')
    t.equal(await countedLocally(), 0)
    t.equal(complaints(), 0)
  })

  await t.test('without it each counts for itself: nobody gets an error, and it is told once', async (t) => {
    const midRun = starts(LIMIT + 50, () => '203.0.113.2')
    await redis.kill()
    t.ok((await midRun) >= LIMIT, 'what was on its way was counted here or there, and answered')
    t.equal(await starts(LIMIT + 20, () => '203.0.113.3'), LIMIT)
    t.equal(await starts(LIMIT + 20, () => '203.0.113.3', address), LIMIT)
    t.equal(await isUp(), '0,0')
    t.ok(((await countedLocally()) as number) >= LIMIT)
    t.equal(complaints(), 2, 'once by each instance')
  })

  await t.test('when it is back they count together again', async (t) => {
    await redis.start()
    await until('1,1')
    const before = await countedLocally()
    t.equal(await starts(60, () => '203.0.113.4'), 60)
    t.equal(await starts(60, () => '203.0.113.4', address), LIMIT - 60)
    t.equal(await countedLocally(), before)
  })

  await t.test('one that hangs costs the first requests half a second, and the next ones nothing', async (t) => {
    redis.freeze()
    t.equal(await start('203.0.113.5'), 302)
    const startedAt = performance.now()
    // One after the other: waited for, these would take two and a half seconds.
    for (let turn = 0; turn < 5; turn++) t.equal(await start('203.0.113.5'), 302)
    t.ok(performance.now() - startedAt < 1_500, `${performance.now() - startedAt} ms for five`)
    await sleep(2_000)
    const checkedAt = performance.now()
    await app.limits.wrongDeviceCodes.check('203.0.113.5')
    t.ok(performance.now() - checkedAt < 1_500, `${performance.now() - checkedAt} ms for a check`)
    redis.thaw()
    await until('1,1')
    t.equal(await start('203.0.113.6'), 302)
  })
})
