import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import { createBrowser, type BrowserResponse } from '../../fakes/browser.ts'
import { startFakeOAuth, type FakeOAuth, type OAuthSpec, type Person } from '../../fakes/oauth.ts'
import { setup, type Running } from '../../helper.ts'
import type { Identified, Provider } from '../../../src/providers/provider.ts'
import { createProviders } from '../../../src/providers/registry.ts'
import { readSettings } from '../../../src/settings.ts'
import type { User } from '../../../src/users/user.ts'

export interface SocialLogin extends Running {
  fake: FakeOAuth
  /** The provider itself, beside the running Signet, for what no login does. */
  provider: Provider
  /** A whole login in a browser of its own, whatever comes of it. */
  login: () => Promise<BrowserResponse>
  /** One that succeeds: whose it was. */
  signIn: () => Promise<User>
  /** A grant in the hands of the test: a person says yes, and the provider object exchanges the code. */
  grant: () => Promise<Identified>
}

/** Signet, with a scripted provider as its documentation has it. */
export async function socialLogin (t: Test, spec: OAuthSpec): Promise<SocialLogin> {
  const fake = await startFakeOAuth(spec)
  t.teardown(() => fake.close())
  const running = await setup(t, fake.settings)
  const { url } = running
  const provider = createProviders(readSettings(fake.settings).providers).get(spec.id) as Provider
  const login = async () => await createBrowser(url).login(`/login/${spec.id}`)

  return {
    ...running,
    fake,
    provider,
    login,

    async signIn () {
      const response = await login()
      if (response.status !== 200) throw new Error(`The login answered ${response.status}: ${response.text}`)
      const { access_token: accessToken } = response.json()
      return await (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).json() as User
    },

    async grant () {
      const [redirectUri, nonce, codeVerifier] = ['https://id.example/callback', 'a-nonce-of-the-test', 'v'.repeat(43)]
      const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url')
      const authorization = await provider.authorizationUrl({ redirectUri, state: 'a-state', nonce, codeChallenge })
      const callback = new URL((await fetch(authorization, { redirect: 'manual' })).headers.get('location') as string)
      const code = callback.searchParams.get('code') as string
      return await provider.identify({ code, iss: undefined, user: undefined, redirectUri, nonce, codeVerifier, signal: inTime() })
    }
  }
}

export const inTime = (): AbortSignal => AbortSignal.timeout(5_000)

/** What a provider may say of an email, and whether that is believed where only the boolean `true` is. */
export const WORDS: Word[] = [[true, true], [false, false], ['true', false], ['false', false], [1, false], [null, false], [undefined, false]]

export type Word = [word: unknown, isBelieved: boolean]

/**
 * Each word on an email with a person and an address of its own: what is believed fills the user's email, what is not
 * stays on the account, which joins nobody who holds the same address. `person` makes what the provider says.
 */
export async function emailWords (t: Test, { fake, signIn }: SocialLogin, words: Word[], person: (id: string, email: string, word: unknown) => Person) {
  await t.test('its word on an email', async (t) => {
    for (const [index, [word, isBelieved]] of words.entries()) {
      const says = word === undefined ? 'absent' : JSON.stringify(word)
      const address = `person-${index}@example.com`
      fake.person(person(`holder-${index}`, address, true))
      const holder = await signIn()
      t.match([holder.email, holder.accounts[0]?.emailVerified], [address, true], `${says}: first comes who holds the address`)

      fake.person(person(`same-address-${index}`, address.toUpperCase(), word))
      const sameAddress = await signIn()
      t.equal(sameAddress.id === holder.id, isBelieved, `${says} ${isBelieved ? 'joins' : 'does not join'}`)

      const ownAddress = `alone-${index}@example.com`
      fake.person(person(`alone-${index}`, ownAddress, word))
      const { email, emailVerified, accounts } = await signIn()
      t.same([email, emailVerified], isBelieved ? [ownAddress, true] : [null, false], `${says}: the user`)
      t.same(accounts.map((account) => [account.email, account.emailVerified]), [[ownAddress, isBelieved]], `${says}: the account`)
    }
    fake.person({})
  })
}
