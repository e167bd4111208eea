import type { Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { setup, readJson } from '../../helper.ts'
import type { User } from '../../../src/users/user.ts'

/** What a provider sends. */
export interface EventRequest {
  path: string
  headers: Record<string, string>
  body: string
}

export interface SignedIn {
  token: string
  refreshToken: string
  user: User
}

/** The whole database, but what every request may write: a test compares it with itself. */
const SNAPSHOT = `
  SELECT json_build_object(
    'users', (SELECT json_agg(u ORDER BY id) FROM users u),
    'accounts', (SELECT json_agg(a ORDER BY id) FROM accounts a),
    'sessions', (SELECT json_agg(s ORDER BY id) FROM sessions s),
    'revocations', (SELECT json_agg(r ORDER BY id) FROM revocations r),
    'events', (SELECT json_agg(e ORDER BY id) FROM audit_events e),
    'deletions', (SELECT json_agg(d ORDER BY code) FROM deletion_requests d)) AS state`

/** Two instances of a Signet, and a person who signs in at a provider that sends events. */
export async function twoInstances (t: Test, environment: Record<string, string>) {
  const running = await setup(t, environment)
  const { url, sql } = running
  const { address } = await running.another()
  const instances = [url, address]

  async function signIn (provider: string): Promise<SignedIn> {
    const browser = createBrowser(url)
    const response = await browser.login(`/login/${provider}`)
    if (response.status !== 200) throw new Error(`The login answered ${response.status}: ${response.text}`)
    const { access_token: token, refresh_token: refreshToken, user } = response.json()
    return { token, refreshToken, user }
  }

  const get = async (path: string, token: string, at = url) =>
    await fetch(at + path, { headers: { authorization: `Bearer ${token}` } })

  /** The status of `/me` on each instance. */
  const me = async (token: string) =>
    await Promise.all(instances.map(async (at) => (await get('/me', token, at)).status))

  async function refresh (refreshToken: string, at = url): Promise<number> {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    return (await fetch(`${at}/oauth2/token`, { method: 'POST', body })).status
  }

  async function providerToken ({ token, user }: SignedIn, provider: string) {
    const account = user.accounts.find((one) => one.provider === provider)
    const response = await fetch(`${url}/me/accounts/${account?.id}/token`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` }
    })
    return { status: response.status, body: await readJson(response) }
  }

  async function send ({ path, headers, body }: EventRequest, at = url) {
    const response = await fetch(at + path, { method: 'POST', headers, body })
    const text = await response.text()
    return { status: response.status, text, json: () => JSON.parse(text) }
  }

  const snapshot = async () => (await sql.query(SNAPSHOT)).rows[0].state

  const events = async (type = 'provider.event') =>
    (
      await sql.query('SELECT user_id AS "userId", provider, details FROM audit_events WHERE type = $1 ORDER BY id', [
        type
      ])
    ).rows

  /** A request that is refused with 400, on either instance, and changes nothing. */
  async function refuses (t: Test, request: EventRequest, detail: RegExp) {
    const before = await snapshot()
    for (const at of instances) {
      const answer = await send(request, at)
      t.match([answer.status, answer.json().code], [400, 'invalid_event'], answer.text)
      t.match(answer.json().detail, detail)
    }
    t.same(await snapshot(), before, 'nothing changed')
  }

  /** Sends a request until it is taken, as senders do: one that waits too long for another of its kind gets 503. */
  async function sendUntilTaken (request: EventRequest, at: string) {
    for (;;) {
      const answer = await send(request, at)
      if (answer.status !== 503) return answer
    }
  }

  /** Sends a request five times to each instance at once. One takes effect; all are a success for the sender. */
  async function sendTenTimes (t: Test, request: EventRequest, success: number) {
    const answers = await Promise.all([...instances, ...instances, ...instances, ...instances, ...instances]
      .map(async (at) => await sendUntilTaken(request, at)))
    t.same(answers.map(({ status }) => status), answers.map(() => success))
    t.equal(new Set(answers.map(({ text }) => text)).size, 1, 'all answers are the same')
    return answers[0]
  }

  /** Sends a request that ends the sessions of `person`. Within a second of the answer both instances refuse them. */
  async function endsSessions (t: Test, person: SignedIn, request: EventRequest, success: number) {
    t.same(await me(person.token), [200, 200])
    const answer = await send(request, address)
    const answeredAt = Date.now()
    t.equal(answer.status, success, answer.text)
    t.same(await me(person.token), [401, 401])
    t.ok(Date.now() - answeredAt < 1000, `within a second: ${Date.now() - answeredAt} ms`)
    t.equal(await refresh(person.refreshToken), 400)
    return answer
  }

  const requests = { signIn, get, me, refresh, providerToken, send }
  return { ...running, ...requests, snapshot, events, refuses, sendTenTimes, endsSessions }
}

export type World = Awaited<ReturnType<typeof twoInstances>>
export const HOUR = 60 * 60
export const inSeconds = (offset: number) => Math.floor(Date.now() / 1000) + offset
