import type { Test } from 'tap'
import { createBrowser, type BrowserResponse } from '../../fakes/browser.ts'
import type { Fault } from '../../fakes/faults.ts'
import type { FakeOAuth } from '../../fakes/oauth.ts'
import { eventually, shortenProviderTimeout, type Running } from '../../helper.ts'
import { grid } from '../../slow.ts'
import { calledOnce, FAULTS, refused, rows } from '../failed-login.ts'

const ANSWERS: Record<string, Fault> = {
  ...FAULTS,
  null: { kind: 'json', value: null },
  'a list': { kind: 'json', value: [] }
}
const SLOW: Fault[] = [{ kind: 'hang' }, { kind: 'drip' }]

export interface FaultGrid {
  /** The provider's id, and its name as `detail` has it. */
  id: string
  name: string
  fake: FakeOAuth
  running: Running
  /**
   * The calls after the exchange that a login cannot do without: the step as `detail` names it, and the path behind
   * `_API_URL`.
   */
  steps: { step: string, path: string }[]
  /** Changes to the person that leave no usable subject. */
  withoutSubject: Record<string, unknown>[]
}

/**
 * The grid of faults for one provider: no fault writes a user, an account or a session, each has the contract's status
 * and code, a code is exchanged once and nothing is tried twice, and afterwards the next login succeeds.
 */
export async function faultGrid (
  t: Test,
  { id, name, fake, running: { url, sql }, steps, withoutSubject }: FaultGrid
): Promise<void> {
  const login = async (): Promise<BrowserResponse> => await createBrowser(url).login(`/login/${id}`)
  const before = await rows(sql)
  const exchanges = () => fake.calls(fake.paths.token).length

  await t.test('the person says no', async (t) => {
    for (const error of ['access_denied', 'user_cancelled_login', 'user_cancelled_authorize']) {
      fake.deny(error)
      refused(t, await login(), 403, 'access_denied', /declined/)
    }
    fake.deny('server_error')
    refused(t, await login(), 502, 'provider_error', new RegExp(`^${name}: the authorization response`))
    t.equal(exchanges(), 0)
    fake.allow()
  })

  await t.test('a code that the provider does not know', async (t) => {
    const browser = createBrowser(url)
    const callback = new URL(await browser.authorize(await browser.start(`/login/${id}`)))
    callback.searchParams.set('code', 'another')
    refused(
      t,
      await browser.callback(callback.href),
      502,
      'provider_error',
      new RegExp(`^${name}: the token exchange failed: `)
    )
  })

  const all = [
    { step: 'token exchange', path: fake.paths.token },
    ...steps.map(({ step, path }) => ({ step, path: fake.paths.api + path }))
  ]
  for (const { step, path } of all) {
    for (const [fault, play] of grid(Object.entries(ANSWERS), ([, { kind }]) => kind === 'status')) {
      await t.test(`${step}: ${fault}`, async (t) => {
        fake.reset()
        fake.fault(path, play)
        refused(t, await login(), 502, 'provider_error', new RegExp(`^${name}: the ${step} failed: `))
        t.equal(exchanges(), 1)
        t.ok(calledOnce(fake.calls(path), fault), 'and no retry')
        fake.heal()
      })
    }
  }

  await t.test('a slow provider times out', async (t) => {
    shortenProviderTimeout(t)
    const logins: { step: string, answer: Promise<BrowserResponse> }[] = []
    for (const play of grid(SLOW, () => 'slow')) {
      for (const { step, path } of all) {
        const already = fake.calls(path).length
        fake.fault(path, play, { times: 1 })
        logins.push({ step, answer: login() })
        // Each hangs before the next one starts, so that all wait at the same time and none meets the fault of another.
        await eventually(`a login hangs at the ${step}`, () => fake.calls(path).length > already)
      }
    }
    for (const { step, answer } of logins) {
      refused(t, await answer, 504, 'provider_timeout', new RegExp(`^${name}: the ${step} took too long`))
    }
  })

  await t.test('a profile without a subject fails', async (t) => {
    for (const changes of grid(withoutSubject, (changes) => typeof Object.values(changes)[0])) {
      fake.person(changes)
      refused(t, await login(), 502, 'provider_error', new RegExp(`^${name}: the \\w+`))
    }
    fake.person({})
  })

  t.same(await rows(sql), before, 'no fault has written anything')
  t.equal((await login()).status, 200, 'and the next login succeeds')
  t.same(fake.unexpected(), [])
}

/** What no subject may be, under its name in the profile: missing, null, empty, 0 and an object. */
export const unusable = (name: string): Record<string, unknown>[] =>
  [undefined, null, '', 0, {}, []].map((value) => ({ [name]: value }))
