import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { readJson, setup } from '../helper.ts'

/**
 * An administrator or the person changes something while a client refreshes, on two instances (SEC-96). Rounds of each:
 */
export const ROUNDS = Number(process.env['RACE_ROUNDS'] ?? 50)

export interface Tokens {
  access_token: string
  refresh_token: string
  user: { id: string }
}

export type World = Awaited<ReturnType<typeof world>>

/**
 * Begins two calls at once, or nearly: whichever came first begins a little later the next time, so that neither always
 * does.
 */
export function seesaw () {
  let delay = 0
  return async <One, Other>(
    one: () => Promise<One>,
    other: () => Promise<Other>,
    otherCameFirst: (result: Other) => boolean
  ): Promise<[One, Other]> => {
    const results = await Promise.all([sleep(Math.max(0, -delay)).then(one), sleep(Math.max(0, delay)).then(other)])
    delay += otherCameFirst(results[1]) ? 1 : -1
    return results
  }
}

export async function world (t: Test) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, { ...github.settings, LOG_LEVEL: 'warn' })
  const { address } = await running.another()

  async function signIn (id: number): Promise<Tokens> {
    github.user({ id, login: `person${id}`, email: `person${id}@example.com` })
    return (await createBrowser(running.url).login('/login/github')).json()
  }

  /** A call with a bearer; even rounds go to one instance, odd ones to the other. */
  async function call (round: number, method: string, path: string, { access_token: token }: Tokens, body?: object) {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' })
    }
    return await fetch((round % 2 === 0 ? running.url : address) + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
  }

  async function refresh (round: number, refreshToken: string) {
    const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    const response = await fetch(`${round % 2 === 0 ? running.url : address}/oauth2/token`, { method: 'POST', body })
    return { status: response.status, body: await readJson(response) }
  }

  /**
   * True when something of the session still works: its old access token, or what a refresh beside the change brought.
   */
  async function stillWorks (
    round: number,
    tokens: Tokens,
    refreshed: Awaited<ReturnType<typeof refresh>>
  ): Promise<boolean> {
    const fresh: Tokens = refreshed.status === 200 ? { ...tokens, ...refreshed.body } : tokens
    const answers = [
      await call(round, 'GET', '/me', tokens),
      await call(round + 1, 'GET', '/me', fresh),
      await refresh(round, tokens.refresh_token),
      await refresh(round + 1, fresh.refresh_token)
    ]
    return answers.some(({ status }) => status === 200)
  }

  async function admin () {
    const tokens = await signIn(1)
    await running.sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [tokens.user.id])
    return tokens
  }

  return { ...running, signIn, call, refresh, stillWorks, admin }
}
