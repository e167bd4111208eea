import t, { type Test } from 'tap'
import { newSecret } from '../../src/webhooks/signing.ts'
import { startWebhookReceiver, type Behaviour } from '../fakes/webhook-receiver.ts'
import { createBrowser } from '../fakes/browser.ts'
import { signedIn } from './signed-in.ts'

async function withHook (t: Test, environment: Record<string, string> = {}) {
  const hook = await startWebhookReceiver()
  t.teardown(() => hook.close())
  const secret = newSecret()
  hook.verifyWith(secret)
  const running = await signedIn(t, {
    BEFORE_USER_CREATED_URL: hook.url,
    BEFORE_USER_CREATED_SECRET: secret,
    ...environment
  })
  const answer =
    (value: unknown, status = 200): Behaviour =>
      () =>
        (response) =>
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  const login = async (provider = 'github') => {
    const response = await createBrowser(running.url).login(`/login/${provider}`)
    return { status: response.status, body: response.json() }
  }
  const rows = async () =>
    (
      await running.sql.query(
        `SELECT (SELECT count(*) FROM users)::int + (SELECT count(*) FROM accounts)::int
          + (SELECT count(*) FROM sessions)::int AS n`
      )
    ).rows[0].n
  return { ...running, hook, answer, login, rows }
}

t.test('a new user gets the roles of the hook; for an existing user it is not called', async (t) => {
  const { hook, answer, login } = await withHook(t)
  hook.behave(answer({ allow: true, roles: ['member', 'beta'] }))
  t.match(await login(), { status: 200, body: { user: { roles: ['member', 'beta'] } } })
  t.match(hook.received, [
    {
      type: 'before.user.created',
      data: {
        profile: {
          provider: 'github',
          subject: '1',
          username: 'octocat',
          email: 'octocat@github.com',
          emailVerified: true,
          name: 'The Octocat'
        }
      }
    }
  ])
  hook.behave(answer({ allow: false }))
  t.match(await login(), { status: 200, body: { user: { roles: ['member', 'beta'] } } })
  t.equal(hook.received.length, 1)
  t.same(hook.unverified, [])
})

t.test('a refusal is shown with its reason, and nothing is written', async (t) => {
  const { hook, answer, login, rows, events, url } = await withHook(t)
  hook.behave(answer({ allow: false, reason: `Only people of the\u0000 company.\n${'x'.repeat(1000)}` }))
  const { status, body } = await login()
  t.match(
    { status, body },
    { status: 403, body: { code: 'access_denied', detail: /^Only people of the {2}company\. x+$/ } }
  )
  t.equal(body.detail.length, 200)
  t.equal(await rows(), 0)
  t.match(await events('login.failed'), [{ userId: null, details: { code: 'access_denied' } }])
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  hook.behave(answer({ allow: false, reason: { not: 'text' }, roles: 5 }))
  t.match(await login(), { status: 403, body: { detail: 'New users are not let in.' } })
})

const FAILURES: Record<string, (answer: (value: unknown, status?: number) => Behaviour) => Behaviour> = {
  'a 500': (answer) => answer({ allow: true }, 500),
  'a 201': (answer) => answer({ allow: true }, 201),
  'a redirect': () => () => (response) => response.writeHead(302, { location: '/' }).end(),
  'no JSON': () => () => (response) => response.end('<p>Yes'),
  'no answer at all': () => () => (response) => response.destroy(),
  'neither yes nor no': (answer) => answer({ allow: 'true' }),
  'roles that are none': (answer) => answer({ allow: true, roles: ['Admin; DROP'] }),
  'too long an answer': (answer) => answer({ allow: true, filler: 'x'.repeat(100_000) }),
  'a hook that hangs': () => () => 'hang'
}

t.test('without a valid response within three seconds the sign-up is refused', async (t) => {
  const { hook, answer, login, rows, log } = await withHook(t)
  for (const [what, failure] of Object.entries(FAILURES)) {
    hook.behave(failure(answer))
    const late = AbortSignal.timeout(12_000)
    t.match(await login(), { status: 403, body: { code: 'access_denied', detail: /could not be checked/ } }, what)
    t.notOk(late.aborted, `${what}: soon`)
  }
  t.equal(hook.received.length, Object.keys(FAILURES).length)
  t.equal(await rows(), 0)
  t.match(log(), 'before.user.created was not answered')
  t.notMatch(log(), 'octocat@github.com')
})

t.test('or allowed, where the settings say so', async (t) => {
  const { hook, answer, login, sql } = await withHook(t, { BEFORE_USER_CREATED_ON_FAILURE: 'allow' })
  for (const [what, failure] of Object.entries(FAILURES)) {
    hook.behave(failure(answer))
    const { status, body } = await login()
    t.same([status, body.user?.roles], [200, []], what)
    await sql.query('DELETE FROM users')
  }
  hook.behave(answer({ allow: false }))
  t.equal((await login()).status, 403, 'a no is a no')
})
