import t, { type Test } from 'tap'
import { answerJson } from '../../fakes/answers.ts'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { startFakeOAuth } from '../../fakes/oauth.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { setup } from '../../helper.ts'

async function assertNoUser (t: Test, { sql }: Awaited<ReturnType<typeof setup>>, users: number): Promise<void> {
  t.equal((await sql.query('SELECT 1 FROM users')).rowCount, users, 'no user is made of who is refused')
}

t.test('GITHUB_ORGANIZATIONS admits active members of one of them', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, { ...github.settings, GITHUB_ORGANIZATIONS: 'Acme, acme-labs' })
  const login = async () => await createBrowser(running.url).login('/login/github')
  github.user({ id: 1, login: 'octocat' })

  for (const states of [{ acme: 'active' }, { 'acme-labs': 'active', acme: 'restricted' }] as const) {
    github.memberships(states)
    t.equal((await login()).status, 200, JSON.stringify(states))
  }
  const [authorize] = github.calls('/login/oauth/authorize')
  t.equal(authorize?.query['scope'], 'read:user user:email read:org')

  github.user({ id: 2, login: 'stranger' })
  for (const states of [{}, { other: 'active' }, { acme: 'pending' }, { acme: 'restricted' }] as const) {
    github.memberships(states)
    t.match((await login()).json(), {
      status: 403,
      code: 'access_denied',
      detail: 'Only members of Acme, acme-labs may sign in with GitHub here.'
    }, JSON.stringify(states))
  }
  github.user({ id: 1, login: 'octocat' })
  t.equal((await login()).status, 403, 'nor who was a member')

  github.memberships({ acme: 'active' })
  github.grantScope('read:user,user:email')
  t.equal((await login()).json().code, 'access_denied', 'nor without the scope')
  github.grantScope(undefined)
  github.fault('/api/v3/user/memberships/orgs/Acme', { kind: 'status', status: 500 })
  t.match((await login()).json(), { code: 'provider_error', detail: 'GitHub: the memberships failed: HTTP 500.' })
  await assertNoUser(t, running, 1)
})

t.test('GITLAB_GROUPS admits members of one of them, by its whole path', async (t) => {
  let groups: unknown = []
  const gitlab = await startFakeOAuth({
    id: 'gitlab',
    paths: { authorize: '/oauth/authorize', token: '/oauth/token', api: '/api/v4' },
    authentication: 'client_secret_post',
    routes: { 'GET /user': ({ person }) => answerJson(person) },
    openRoutes: { 'GET /oauth/userinfo': () => answerJson({ sub: '1', groups }) },
    person: { id: 1, username: 'john_smith' }
  })
  t.teardown(() => gitlab.close())
  const running = await setup(t, { ...gitlab.settings, GITLAB_GROUPS: 'acme, Other/Team' })
  const login = async () => await createBrowser(running.url).login('/login/gitlab')

  for (const wrong of [[], ['acme/team', 'other'], ['notacme'], 'acme', { acme: true }, null, [['acme']], undefined]) {
    groups = wrong
    t.match((await login()).json(), {
      status: 403,
      code: 'access_denied',
      detail: 'Only members of acme, other/team may sign in with GitLab here.'
    }, JSON.stringify(wrong))
  }
  await assertNoUser(t, running, 0)
  for (const right of [['acme'], ['x', 'other/team', 'other']]) {
    groups = right
    t.equal((await login()).status, 200, JSON.stringify(right))
  }
  t.equal(gitlab.calls('/oauth/authorize')[0]?.query['scope'], 'read_user openid')
  t.match(gitlab.calls('/oauth/userinfo')[0]?.headers, { authorization: /^Bearer access-/ })
})

t.test('GOOGLE_HOSTED_DOMAIN takes several domains', async (t) => {
  const google = await startFakeOidc()
  t.teardown(() => google.close())
  const { url } = await setup(t, { ...google.googleSettings(), GOOGLE_HOSTED_DOMAIN: 'Corp.example, other.example' })
  const people = { 'corp.example': 200, 'other.example': 200, 'third.example': 403, '*': 403 }
  for (const [hd, status] of Object.entries(people)) {
    google.person({ sub: hd, hd })
    t.equal((await createBrowser(url).login('/login/google')).status, status, hd)
  }
  t.equal(google.calls(google.paths.authorize)[0]?.query['hd'], '*')
})

t.test('a query in the authorization URL stays, and is no part of the issuer (langfuse#13091)', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url } = await setup(t, {
    ...github.settings,
    GITHUB_AUTHORIZATION_URL: `${github.settings['GITHUB_AUTHORIZATION_URL']}?allow_signup=false`
  })
  for (const [iss, status] of [[`${github.url}/login/oauth`, 200], ['https://evil.example', 502]] as const) {
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start('/login/github'))
    t.equal((await browser.callback(`${callback}&iss=${encodeURIComponent(iss)}`)).status, status, iss)
  }
  t.equal(github.calls('/login/oauth/authorize')[0]?.query['allow_signup'], 'false')
})
