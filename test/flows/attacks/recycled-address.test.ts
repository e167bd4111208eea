import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { readJson, setup } from '../../helper.ts'

// An address is given to somebody else: a colleague who left, a mailbox whose name is free again. The new holder proves
// the address, honestly, and must not get the user of the one before.

const ALICE = 'alice@corp.example'

async function world (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  const corp = await startFakeOidc()
  const other = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), corp.close(), other.close()]))
  const corpSettings = corp.settings('corp', { emailTrusted: true })
  const otherSettings = other.settings('other', { emailTrusted: true })
  const settings = { ...github.settings, ...corpSettings, ...otherSettings, OIDC_PROVIDERS: 'corp,other' }
  const running = await setup(t, { ...settings, ...environment })
  const login = async (provider: string) => (await createBrowser(running.url).login(`/login/${provider}`)).json()
  return { ...running, github, corp, other, login }
}

t.test('an attack on the user of a colleague who left, through the same issuer', async (t) => {
  const { corp, login } = await world(t, { ADMIN_EMAILS: ALICE })
  corp.person({ sub: 'A', email: ALICE, email_verified: true })
  const before = await login('corp')
  t.same(before.user.roles, ['admin'])
  corp.person({ sub: 'B', email: ALICE, email_verified: true })
  const after = await login('corp')
  t.not(after.user.id, before.user.id)
  t.equal(after.user.email, null)
  t.same(after.user.roles, [], "nor the administrator's role")
  corp.person({ sub: 'A', email: ALICE, email_verified: true })
  t.equal((await login('corp')).user.id, before.user.id, 'the first holder still signs in')
})

t.test('wanted: the user of a person whose own provider has another address for them by now', async (t) => {
  const { corp, other, login } = await world(t)
  corp.person({ sub: 'A', email: ALICE, email_verified: true })
  const before = await login('corp')
  corp.person({ sub: 'A', email: 'alice.married@corp.example', email_verified: false })
  t.equal((await login('corp')).user.email, ALICE, 'the user keeps the address that was proven')
  other.person({ sub: 'B', email: ALICE, email_verified: true })
  const after = await login('other')
  t.not(after.user.id, before.user.id)
  t.equal(after.user.email, null)
})

t.test('wanted: the user of a person whose provider no longer says any address', async (t) => {
  const { corp, other, login } = await world(t)
  corp.person({ sub: 'A', email: ALICE, email_verified: true })
  const before = await login('corp')
  corp.person({ sub: 'A' })
  await login('corp')
  other.person({ sub: 'B', email: ALICE, email_verified: true })
  t.not((await login('other')).user.id, before.user.id)
})

t.test('the same person at a second provider is still linked', async (t) => {
  const { github, corp, login } = await world(t)
  corp.person({ sub: 'A', email: ALICE, email_verified: true })
  const first = await login('corp')
  github.user({ id: 1, login: 'alice', email: ALICE })
  const second = await login('github')
  t.equal(second.user.id, first.user.id)
  t.same(second.user.accounts.map(({ provider }: { provider: string }) => provider), ['corp', 'github'])
})

t.test('wanted: the role of an administrator again, after it was taken away', async (t) => {
  const { url, github, login } = await world(t, { ADMIN_EMAILS: `${ALICE},root@corp.example` })
  github.user({ id: 1, login: 'alice', email: ALICE })
  const alice = await login('github')
  t.same(alice.user.roles, ['admin'])
  github.user({ id: 2, login: 'root', email: 'root@corp.example' })
  const root = await login('github')
  const headers = { authorization: `Bearer ${root.access_token}`, 'content-type': 'application/json' }
  const changed = await fetch(`${url}/admin/users/${alice.user.id}`, { method: 'PATCH', headers, body: '{"roles":[]}' })
  t.equal(changed.status, 200)
  t.same((await readJson(changed)).roles, [])
  github.user({ id: 1, login: 'alice', email: ALICE })
  t.same((await login('github')).user.roles, [], 'a revoked role stays revoked')
})

t.test("wanted: the role of an administrator by an address that is not this sign-in's", async (t) => {
  const { sql, corp, other, login } = await world(t, { ADMIN_EMAILS: ALICE })
  other.person({ sub: 'M', email: 'mallory@corp.example', email_verified: true })
  const mallory = await login('other')
  // Whatever put the address on file: it is not what this sign-in proves.
  await sql.query('UPDATE users SET email = $2 WHERE id = $1', [mallory.user.id, ALICE])
  t.same((await login('other')).user.roles, [])
  corp.person({ sub: 'A', email: ALICE, email_verified: true })
  t.same((await login('corp')).user.roles, [], 'and it is linked to no user')
})
