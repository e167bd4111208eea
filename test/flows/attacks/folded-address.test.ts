import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { setup } from '../../helper.ts'

// A provider verifies a mailbox whose name only looks like the victim's: Unicode normalization (NFKC) folds it to
// theirs.

const BOSS = 'boss@example.com'
const FOLDED = ['ｂｏｓｓ@example.com', 'boſs@example.com', 'ⓑoss@example.com', 'boss@ｅxample.com', 'BOſS@EXAMPLE.COM']

async function world (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  const running = await setup(t, {
    ...github.settings,
    ...acme.settings('acme', { emailTrusted: true }),
    ...environment
  })
  const login = async (provider: string) => (await createBrowser(running.url).login(`/login/${provider}`)).json()
  return { ...running, github, acme, login }
}

t.test('wanted: the user of a person whose address normalization makes of mine', async (t) => {
  const { github, acme, login } = await world(t, { ADMIN_EMAILS: BOSS })
  acme.person({ sub: 'boss', email: BOSS, email_verified: true })
  const boss = await login('acme')
  t.same(boss.user.roles, ['admin'])
  for (const [index, email] of FOLDED.entries()) {
    github.user({
      id: index + 1,
      login: 'mallory',
      emails: [{ email, primary: true, verified: true, visibility: null }]
    })
    const { user } = await login('github')
    t.not(user.id, boss.user.id, email)
    t.equal(user.email, null, email)
    t.same(user.roles, [], email)
  }
})

t.test("wanted: to be there first, with an address that normalization makes the victim's", async (t) => {
  const { github, acme, login } = await world(t)
  github.user({
    id: 1,
    login: 'mallory',
    emails: [{ email: FOLDED[0], primary: true, verified: true, visibility: null }]
  })
  const mallory = await login('github')
  t.equal(mallory.user.email, null)
  acme.person({ sub: 'boss', email: BOSS, email_verified: true })
  const boss = await login('acme')
  t.not(boss.user.id, mallory.user.id)
  t.equal(boss.user.email, BOSS)
})

t.test('the same address in other letters is the same mailbox', async (t) => {
  const { github, acme, login } = await world(t)
  acme.person({ sub: 'boss', email: 'Boss@Example.com', email_verified: true })
  const boss = await login('acme')
  t.equal(boss.user.email, BOSS)
  github.user({ id: 1, login: 'boss', email: 'BOSS@example.com' })
  t.equal((await login('github')).user.id, boss.user.id)
})
