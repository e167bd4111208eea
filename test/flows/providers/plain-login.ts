import type { Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeOAuth, type FakeOAuth, type OAuthSpec } from '../../fakes/oauth.ts'
import { setup, type Running } from '../../helper.ts'
import type { User } from '../../../src/users/user.ts'
import { faultGrid, type FaultGrid } from './fault-grid.ts'

export interface PlainLogin extends Pick<FaultGrid, 'steps' | 'withoutSubject'> {
  spec: OAuthSpec
  name: string
  /** What becomes of the documentation's example. */
  profile: { email: string | null, emailVerified?: boolean, locale?: string, [member: string]: unknown }
  /** Where the subject is unique, for a provider whose subjects are not unique on the whole. */
  tenant?: string
  settings?: (fake: FakeOAuth) => Record<string, string>
}

export interface World extends Running {
  fake: FakeOAuth
  /** A login that succeeds, in a browser of its own. */
  signIn: () => Promise<User>
}

/** What the provider's own answer has beside the token and the refresh token, which the fake makes. */
export function besideTokens (answer: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(answer).filter(([name]) => !['access_token', 'refresh_token'].includes(name))
  )
}

/**
 * Whole logins at a provider: the example of its documentation comes in, once and again, with an email that is the
 * user's too where the provider's word on it is believed; and every fault has its name in the title.
 */
export async function plainLogin (
  t: Test,
  { spec, name, profile, tenant, steps, withoutSubject, settings }: PlainLogin
): Promise<World> {
  const { id } = spec
  const fake = await startFakeOAuth(spec)
  t.teardown(() => fake.close())
  const running = await setup(t, settings?.(fake) ?? fake.settings)
  const { url, sql } = running

  async function signIn (): Promise<User> {
    const response = await createBrowser(url).login(`/login/${id}`)
    if (response.status !== 200) throw new Error(`The login answered ${response.status}: ${response.text}`)
    const { access_token: accessToken } = response.json()
    return (await (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).json()) as User
  }

  await t.test('a login', async (t) => {
    const user = await signIn()
    const { locale: _, ...account } = profile
    const { email, emailVerified = false } = profile
    t.match(user.accounts, [{ provider: id, emailVerified: false, ...account }])
    t.equal(user.accounts.length, 1)
    t.match(user, {
      email: emailVerified ? email : null,
      emailVerified,
      name: user.accounts[0]?.name,
      avatarUrl: user.accounts[0]?.avatarUrl
    })
    t.equal(fake.calls(fake.paths.token).length, 1, 'one exchange')
    t.same((await sql.query('SELECT provider, issuer FROM accounts')).rows, [
      { provider: id, issuer: fake.url + (tenant === undefined ? '' : `/${tenant}`) }
    ])
    t.equal((await signIn()).id, user.id, 'and the same person again')
    t.same(fake.unexpected(), [])
  })

  fake.reset()
  await faultGrid(t, { id, name, fake, running, steps, withoutSubject })
  return { ...running, fake, signIn }
}
