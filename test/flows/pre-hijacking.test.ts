import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { createPkce } from '../fakes/pkce.ts'
import { readJson, setup } from '../helper.ts'

/**
 * The five classes of account pre-hijacking (https://arxiv.org/abs/2205.10174), one scenario each (SEC-39): somebody
 * comes first, with the victim's address, and waits. When the victim comes, by GitHub, they must have a user of their
 * own.
 */

const VICTIM = 'victim@example.com'
const SPA = { client_id: 'spa', name: 'The app', redirect_uris: ['https://app.example.com/callback'] }

async function world (t: Test) {
  const github = await startFakeGitHub()
  const open = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), open.close()]))
  const running = await setup(t, { ...github.settings, ...open.settings('open'), CLIENTS: JSON.stringify([SPA]) })

  interface Tokens {
    access_token: string
    refresh_token: string
    user: { id: string, email: string | null }
  }
  const login = async (provider: string): Promise<Tokens> =>
    (await createBrowser(running.url).login(`/login/${provider}`)).json()
  const me = async ({ access_token: token }: Tokens) =>
    await readJson(await fetch(`${running.url}/me`, { headers: { authorization: `Bearer ${token}` } }))

  async function victimComes () {
    github.user({ id: 1, login: 'victim', email: VICTIM })
    return await login('github')
  }

  /** The attacker keeps what they had, and it shows nothing of the victim. */
  async function apart (attacker: Tokens, victim: Tokens) {
    t.not(attacker.user.id, victim.user.id)
    t.equal(victim.user.email, VICTIM)
    const refreshed = await fetch(`${running.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: attacker.refresh_token })
    })
    t.equal((await me(await readJson(refreshed))).id, attacker.user.id)
    t.not((await me(attacker)).email, VICTIM)
    t.same(
      (await me(victim)).accounts.map(({ provider }: { provider: string }) => provider),
      ['github']
    )
  }

  return { ...running, github, open, login, me, victimComes, apart }
}

t.test('classic-federated merge: an unverified address links no accounts', async (t) => {
  const { open, login, victimComes, apart } = await world(t)
  open.person({ sub: 'attacker', email: VICTIM, email_verified: false })
  const attacker = await login('open')
  t.equal(attacker.user.email, null)
  await apart(attacker, await victimComes())
})

t.test("unexpired session: a session from before is of the attacker's user, and stays so", async (t) => {
  const { open, login, me, victimComes, apart } = await world(t)
  open.person({ sub: 'attacker', email: VICTIM })
  const attacker = await login('open')
  const victim = await victimComes()
  await apart(attacker, victim)
  t.equal((await login('open')).user.id, attacker.user.id)
  t.equal((await me(victim)).id, victim.user.id)
})

t.test(
  "trojan identifier: an account that claims the address, linked to the attacker's user, attracts no login",
  async (t) => {
    const { url, github, open, login, victimComes, apart } = await world(t)
    github.user({ id: 666, login: 'attacker', email: 'attacker@example.com' })
    const attacker = await login('github')
    open.person({ sub: 'trojan', email: VICTIM, email_verified: true })
    const { verifier, challenge } = createPkce()
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'spa',
      redirect_uri: SPA.redirect_uris[0] ?? '',
      code_challenge: challenge,
      code_challenge_method: 'S256',
      provider: 'open',
      intent: 'link'
    })
    const back = new URL((await createBrowser(url).login(`/oauth2/authorize?${query}`)).location ?? '')
    const linked = await fetch(`${url}/me/accounts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${attacker.access_token}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        code: back.searchParams.get('code'),
        code_verifier: verifier,
        redirect_uri: SPA.redirect_uris[0],
        client_id: 'spa'
      })
    })
    t.equal(linked.status, 201)
    await apart(attacker, await victimComes())
  }
)

t.test('unexpired email change: an address that the provider has not verified yet is not taken over', async (t) => {
  const { github, login, me, victimComes, apart } = await world(t)
  github.user({ id: 666, login: 'attacker', email: 'attacker@example.com' })
  await login('github')
  github.user({
    id: 666,
    login: 'attacker',
    emails: [{ email: VICTIM, primary: true, verified: false, visibility: null }]
  })
  const attacker = await login('github')
  t.equal((await me(attacker)).email, 'attacker@example.com')
  await apart(attacker, await victimComes())
})

t.test('non-verifying provider: a provider that is not trusted with email verifies nothing', async (t) => {
  const { open, login, victimComes, apart } = await world(t)
  open.person({ sub: 'attacker', email: VICTIM, email_verified: true })
  const attacker = await login('open')
  t.equal(attacker.user.email, null)
  await apart(attacker, await victimComes())
})
