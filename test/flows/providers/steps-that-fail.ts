import type { Test } from 'tap'
import { createBrowser, type Browser, type BrowserResponse } from '../../fakes/browser.ts'
import type { FakeOidc } from '../../fakes/oidc.ts'
import { eventually, shortenProviderTimeout, type Running } from '../../helper.ts'
import { grid } from '../../slow.ts'
import { calledOnce, FAULTS, refused, rows } from '../failed-login.ts'

export interface StepsThatFail {
  /** The provider's id, and its name as `detail` has it. */
  id: string
  name: string
  fake: Pick<FakeOidc, 'paths' | 'fault' | 'heal' | 'calls' | 'reset'>
  /** A whole login. */
  login: (browser: Browser) => Promise<BrowserResponse>
  running: Running
}

/**
 * Discovery, key set and exchange, each with each fault: 502 or 504, nothing written, nothing sent twice, and the next
 * login succeeds.
 */
export async function stepsThatFail (t: Test, world: StepsThatFail): Promise<void> {
  const { id, name, fake, login, running: { url, sql } } = world
  // What is kept once it was fetched well comes first.
  for (const [step, path] of [
    ['discovery', fake.paths.discovery],
    ['keys', fake.paths.jwks],
    ['token exchange', fake.paths.token]
  ] as const) {
    const attempt = () => (step === 'discovery' ? createBrowser(url).get(`/login/${id}`) : login(createBrowser(url)))
    for (const [fault, play] of grid(Object.entries(FAULTS), ([, { kind }]) => kind === 'status')) {
      await t.test(`${step}: ${fault}`, async (t) => {
        const before = await rows(sql)
        fake.reset()
        fake.fault(path, play)
        refused(t, await attempt(), 502, 'provider_error', new RegExp(`^${name}: the ${step} failed: `))
        t.ok(calledOnce(fake.calls(path), fault), 'and no retry')
        t.equal(fake.calls(fake.paths.token).length, step === 'discovery' ? 0 : 1)
        t.same(await rows(sql), before)
        fake.heal()
      })
    }
    if (step === 'keys') await t.test('no answer, at any of the steps', (t) => noAnswer(t, world))
    t.equal((await attempt()).status, step === 'discovery' ? 302 : 200, `${step}: it comes back`)
  }
}

/**
 * Three that hang at the same time: the discovery of an instance that knows nothing yet, the keys and the exchange of
 * one that lacks the keys.
 */
async function noAnswer (
  t: Test,
  { id, name, fake, login, running: { url, sql, another } }: StepsThatFail
): Promise<void> {
  shortenProviderTimeout(t)
  const { address } = await another()
  const before = await rows(sql)
  const { discovery, jwks, token } = fake.paths
  const hanging = []
  for (const [step, path, attempt] of [
    ['discovery', discovery, () => createBrowser(address).get(`/login/${id}`)],
    ['keys', jwks, () => login(createBrowser(url))],
    ['token exchange', token, () => login(createBrowser(url))]
  ] as const) {
    const already = fake.calls(path).length
    fake.fault(path, { kind: 'hang' }, { times: 1 })
    const started = Date.now()
    hanging.push({ step, answer: attempt().then((response) => ({ response, took: Date.now() - started })) })
    await eventually(`the ${step} hangs`, () => fake.calls(path).length > already)
  }
  for (const { step, answer } of hanging) {
    const { response, took } = await answer
    refused(t, response, 504, 'provider_timeout', new RegExp(`^${name}: the ${step} took too long`))
    t.ok(took < 12_000, `the ${step}, after ${took} ms`)
  }
  t.same(await rows(sql), before)
}
