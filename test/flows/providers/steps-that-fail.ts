import type { Test } from 'tap'
import { createBrowser, type Browser, type BrowserResponse } from '../../fakes/browser.ts'
import type { FakeOidc } from '../../fakes/oidc.ts'
import type { Running } from '../../helper.ts'
import { FAULTS, refused, rows } from '../failed-login.ts'

export interface StepsThatFail {
  /** The provider's id, and its name as `detail` has it. */
  id: string
  name: string
  fake: Pick<FakeOidc, 'paths' | 'fault' | 'heal' | 'calls' | 'reset'>
  /** A whole login. */
  login: (browser: Browser) => Promise<BrowserResponse>
  running: Running
}

/** Discovery, key set and exchange, each with each fault: 502 or 504, nothing written, no retry, and the next login succeeds. */
export async function stepsThatFail (t: Test, { id, name, fake, login, running: { url, sql } }: StepsThatFail): Promise<void> {
  // What is kept once it was fetched well comes first.
  for (const [step, path] of [['discovery', fake.paths.discovery], ['keys', fake.paths.jwks], ['token exchange', fake.paths.token]] as const) {
    for (const [fault, play] of Object.entries(FAULTS)) {
      await t.test(`${step}: ${fault}`, async (t) => {
        const before = await rows(sql)
        fake.reset()
        fake.fault(path, play)
        const browser = createBrowser(url)
        const response = step === 'discovery' ? await browser.get(`/login/${id}`) : await login(browser)
        refused(t, response, 502, 'provider_error', new RegExp(`^${name}: the ${step} failed: `))
        t.equal(fake.calls(path).length, 1, 'and no retry')
        t.equal(fake.calls(fake.paths.token).length, step === 'discovery' ? 0 : 1)
        t.same(await rows(sql), before)
        fake.heal()
      })
    }
    await t.test(`${step}: no answer`, async (t) => {
      const before = await rows(sql)
      fake.fault(path, { kind: 'hang' })
      const browser = createBrowser(url)
      const started = Date.now()
      const response = step === 'discovery' ? await browser.get(`/login/${id}`) : await login(browser)
      refused(t, response, 504, 'provider_timeout', new RegExp(`^${name}: the ${step} took too long`))
      t.ok(Date.now() - started < 12_000, `after ${Date.now() - started} ms`)
      t.same(await rows(sql), before)
      fake.heal()
    })
    t.equal(await statusAfter(step, () => login(createBrowser(url)), () => createBrowser(url).get(`/login/${id}`)), step === 'discovery' ? 302 : 200, `${step}: it comes back`)
  }
}

async function statusAfter (step: string, login: () => Promise<BrowserResponse>, start: () => Promise<BrowserResponse>): Promise<number> {
  return (await (step === 'discovery' ? start() : login())).status
}
