import t from 'tap'
import type { Profile } from '../../src/providers/provider.ts'
import { createCreationHook, noCreationHook } from '../../src/sign-in/creation-hook.ts'
import { newSecret } from '../../src/webhooks/signing.ts'
import { startWebhookReceiver } from '../fakes/webhook-receiver.ts'

const profile: Profile = {
  provider: 'acme',
  issuer: 'https://acme',
  subject: '1',
  username: 'octo',
  email: 'e@x',
  emailVerified: true,
  name: 'Name',
  avatarUrl: null,
  locale: 'en',
  scope: 'all'
} as Profile

/** A hook that answers so, asked for one profile: what it gave, or the problem; and what the operator is told. */
async function ask (
  t: { teardown: (work: () => unknown) => void },
  value: unknown,
  { status = 200, onFailure = 'deny' as 'deny' | 'allow' } = {}
) {
  const receiver = await startWebhookReceiver()
  t.teardown(() => receiver.close())
  const secret = newSecret()
  receiver.verifyWith(secret)
  receiver.behave(
    () => (response) => response.writeHead(status).end(typeof value === 'string' ? value : JSON.stringify(value))
  )
  const reasons: string[] = []
  const hook = createCreationHook({
    url: receiver.url,
    secret,
    onFailure,
    onError: (reason) => {
      reasons.push(reason)
    }
  })
  const verdict = await hook(profile).then(
    ({ roles, metadata }) => metadata ?? roles,
    ({ code, message }) => `${code}: ${message}`
  )
  return { verdict, reasons, receiver }
}

t.test('without a hook everybody may come, as nobody special', async (t) => {
  t.same(await noCreationHook(profile), { roles: [] })
})

t.test('a yes brings the roles, each once', async (t) => {
  const { verdict, reasons, receiver } = await ask(t, { allow: true, roles: ['member', 'member', 'a.b:c_d-1'] })
  t.same(verdict, ['member', 'a.b:c_d-1'])
  t.same(reasons, [])
  t.same(receiver.unverified, [], 'the question is signed')
  const { scope: _scope, ...told } = profile as Profile & { scope?: string }
  t.match(receiver.received, [{ type: 'before.user.created', timestamp: /^20/, data: { profile: told } }])
  t.same((await ask(t, { allow: true })).verdict, [])
  t.same((await ask(t, { allow: true, metadata: { a: { b: 1 } } })).verdict, { a: { b: 1 } }, 'and metadata')
  t.same(
    (await ask(t, { allow: true, roles: Array.from({ length: 20 }, (_, index) => `r${index}`) })).verdict?.length,
    20
  )
})

t.test('a no is a no, whatever else is wrong with it', async (t) => {
  t.equal((await ask(t, { allow: false, reason: 'Not you.' })).verdict, 'access_denied: Not you.')
  t.equal((await ask(t, { allow: false, reason: 'x'.repeat(300) })).verdict, `access_denied: ${'x'.repeat(200)}`)
  const { verdict, reasons } = await ask(t, { allow: false, roles: 'rubbish' }, { onFailure: 'allow' })
  t.equal(verdict, 'access_denied: New users are not let in.')
  t.same(reasons, [])
})

t.test('anything else is no answer', async (t) => {
  const answers: [unknown, number, string | RegExp][] = [
    [{ allow: true }, 201, 'HTTP 201'],
    [{ allow: true }, 500, 'HTTP 500'],
    ['', 200, 'not an answer'],
    ['no JSON', 200, 'not an answer'],
    [{ allow: 'true' }, 200, 'not an answer'],
    [{ roles: [] }, 200, 'not an answer'],
    [{ allow: true, roles: 'admin' }, 200, 'not an answer'],
    [{ allow: true, metadata: 'text' }, 200, 'not an answer'],
    [{ allow: true, metadata: ['list'] }, 200, 'not an answer'],
    [{ allow: true, metadata: { text: 'x'.repeat(16 * 1024) } }, 200, 'not an answer'],
    [{ allow: true, metadata: { text: '\0' } }, 200, 'not an answer'],
    [{ allow: true, roles: [1] }, 200, 'not an answer'],
    [{ allow: true, roles: ['good', 'Bad'] }, 200, 'not an answer'],
    [{ allow: true, roles: ['a b'] }, 200, 'not an answer'],
    [{ allow: true, roles: [' a'] }, 200, 'not an answer'],
    [{ allow: true, roles: [`a${'b'.repeat(50)}`] }, 200, 'not an answer'],
    [{ allow: true, roles: Array.from({ length: 21 }, (_, index) => `r${index}`) }, 200, 'not an answer']
  ]
  for (const [value, status, reason] of answers) {
    const { verdict, reasons } = await ask(t, value, { status })
    t.match(verdict, /^access_denied: Whether you may sign up could not be checked/, JSON.stringify(value))
    t.match(reasons, [reason])
    t.equal(reasons.length, 1)
  }
  t.same((await ask(t, 'no JSON', { onFailure: 'allow' })).verdict, [], 'unless the operator prefers to let people in')
  const reasons: string[] = []
  const nowhere = createCreationHook({
    url: 'http://127.0.0.1:1/',
    secret: newSecret(),
    onFailure: 'allow',
    onError: (reason) => {
      reasons.push(reason)
    }
  })
  t.same(await nowhere(profile), { roles: [] })
  t.match(reasons, [/ECONNREFUSED/])
})

t.test('after three seconds without an answer it is none', async (t) => {
  const timeout = AbortSignal.timeout
  t.teardown(() => {
    AbortSignal.timeout = timeout
  })
  const waits: number[] = []
  AbortSignal.timeout = (ms) => {
    waits.push(ms)
    return timeout(20)
  }
  const receiver = await startWebhookReceiver()
  t.teardown(() => receiver.close())
  receiver.behave(() => 'hang')
  const reasons: string[] = []
  const hook = createCreationHook({
    url: receiver.url,
    secret: newSecret(),
    onFailure: 'allow',
    onError: (reason) => {
      reasons.push(reason)
    }
  })
  t.same(await hook(profile), { roles: [] })
  t.same(waits, [3000])
  t.equal(reasons.length, 1)
})
