import { createHmac, randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { startFakeGitHub } from '../../fakes/github.ts'
import { readSettings, SettingsError } from '../../../src/settings.ts'
import { twoInstances, type EventRequest } from './world.ts'

// https://docs.github.com/en/webhooks/webhook-events-and-payloads#github_app_authorization

const SECRET = 'the-secret-of-the-webhook'
const REVOKED = { action: 'revoked', sender: { login: 'octocat', id: 1, type: 'User' } }

async function world (t: Test) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  github.user({ id: 1, login: 'octocat', email: 'octocat@github.com' })
  const instances = await twoInstances(t, { ...github.settings, GITHUB_WEBHOOK_SECRET: SECRET })
  return { ...instances, signIn: () => instances.signIn('github') }
}

interface WebhookOptions {
  payload?: unknown
  secret?: string
  headers?: Record<string, string>
}

/** As GitHub sends it: signed over the bytes of the body. */
function webhook ({ payload = REVOKED, secret = SECRET, headers = {} }: WebhookOptions = {}): EventRequest {
  const body = JSON.stringify(payload, null, 1)
  return {
    path: '/login/github/events',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-delivery': randomUUID(),
      'x-github-event': 'github_app_authorization',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
      ...headers
    },
    body
  }
}

t.test('a revoked authorization ends the sessions of that account, on both instances', async (t) => {
  const { signIn, endsSessions, events, sql } = await world(t)
  const octocat = await signIn()
  await endsSessions(t, octocat, webhook(), 200)
  t.match((await sql.query('SELECT sealed_tokens FROM accounts')).rows, [{ sealed_tokens: null }])
  t.match(await events(), [{
    userId: octocat.user.id, provider: 'github', details: { event: 'revoked', outcome: 'sessions_ended' }
  }])
})

t.test('what does not verify changes nothing', async (t) => {
  const { signIn, refuses, send, me, snapshot } = await world(t)
  const octocat = await signIn()
  const right = webhook()
  const without = (name: string): EventRequest => {
    const { [name]: _, ...headers } = right.headers
    return { ...right, headers }
  }
  const signature = String(right.headers['x-hub-signature-256'])
  for (const [name, request, detail] of [
    ['another secret', webhook({ secret: 'the-secret-of-another-app' }), /signature/],
    ['no signature', without('x-hub-signature-256'), /signature/],
    ['an empty signature', webhook({ headers: { 'x-hub-signature-256': '' } }), /signature/],
    ['half a signature', webhook({ headers: { 'x-hub-signature-256': signature.slice(0, 40) } }), /signature/],
    ['bytes that are no ASCII', webhook({ headers: { 'x-hub-signature-256': 'é'.repeat(71) } }), /signature/],
    ['SHA-1 only', webhook({ headers: { 'x-hub-signature-256': signature.replace('sha256', 'sha1') } }), /signature/],
    ['the same JSON in other bytes', { ...right, body: JSON.stringify(REVOKED) }, /signature/],
    ['an empty body', { ...right, body: '' }, /signature/],
    ['no delivery id', without('x-github-delivery'), /X-GitHub-Delivery/],
    ['another action', webhook({ payload: { ...REVOKED, action: 'created' } }), /action/],
    ['no sender', webhook({ payload: { action: 'revoked' } }), /sender/],
    ['no JSON object', webhook({ payload: 'revoked' }), /action/]
  ] as [string, EventRequest, RegExp][]) {
    await t.test(name, async (t) => { await refuses(t, request, detail) })
  }
  await t.test('another content type, or too much', async (t) => {
    t.equal((await send(webhook({ headers: { 'content-type': 'text/plain' } }))).status, 415)
    t.equal((await send(webhook({ payload: { ...REVOKED, filler: 'x'.repeat(1024 * 1024) } }))).status, 413)
  })
  await t.test('other events of the App, and other people: a success for GitHub', async (t) => {
    const before = await snapshot()
    for (const event of ['ping', 'installation']) {
      t.equal((await send(webhook({ headers: { 'x-github-event': event } }))).status, 200)
    }
    t.same(await snapshot(), before)
    t.equal((await send(webhook({ payload: { ...REVOKED, sender: { id: 2 } } }))).status, 200)
  })
  t.same(await me(octocat.token), [200, 200])
})

t.test('a repeated one is a success without effect, also when both instances have it at once', async (t) => {
  const { signIn, sendTenTimes, me, events } = await world(t)
  await signIn()
  const request = webhook()
  await sendTenTimes(t, request, 200)
  t.equal((await events()).length, 1)
  const again = await signIn()
  await sendTenTimes(t, request, 200)
  t.same(await me(again.token), [200, 200])
})

t.test('without GITHUB_WEBHOOK_SECRET there is no route, and a short one is refused', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { send } = await twoInstances(t, github.settings)
  t.equal((await send(webhook())).status, 404)
  t.throws(() => readSettings({ ...github.settings, GITHUB_WEBHOOK_SECRET: 'short' }), SettingsError)
})
