import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { OCTOCAT, startFakeGitHub, type FakeGitHub } from '../fakes/github.ts'
import { setup, type Running } from '../helper.ts'

export interface World extends Running {
  github: FakeGitHub
  /** A person follows the authorization URL of a client, and GitHub sends them on: where the client gets its answer. */
  visit: (authorizationUrl: URL | string) => Promise<URL>
  /** A person opens the link that a device shows, signs in and decides. The last page. */
  decide: (verificationUriComplete: string, decision: 'approve' | 'deny') => Promise<string>
  /** The status of `/me`: 401 as soon as the session has ended. */
  me: (accessToken: string) => Promise<number>
}

/** Signet with these clients, the fake GitHub, and the people in front of their browsers. */
export async function startWorld (
  t: Test,
  clients: object[],
  environment: Record<string, string> = {}
): Promise<World> {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  github.user(OCTOCAT)
  const running = await setup(t, { ...github.settings, CLIENTS: JSON.stringify(clients), ...environment })
  const { url } = running

  return {
    ...running,
    github,
    async visit (authorizationUrl) {
      const { status, location, text } = await createBrowser(url).login(String(authorizationUrl))
      if (status !== 302 || location === undefined) {
        throw new Error(`Expected a redirect to the client, but Signet answered ${status}: ${text.slice(0, 500)}`)
      }
      return new URL(location)
    },
    async decide (verificationUriComplete, decision) {
      const browser = createBrowser(url)
      const page = await browser.get(verificationUriComplete)
      const userCode = /name="user_code" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
      await browser.post('/device', { form: { user_code: userCode }, headers: { origin: url } })
      const back = await browser.login('/device/login/github')
      await browser.get(back.location ?? '')
      return (await browser.post('/device/confirm', { form: { decision }, headers: { origin: url } })).text
    },
    async me (accessToken) {
      return (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })).status
    }
  }
}

/** A client secret that no encoding leaves alone. */
export function newSecret (): string {
  return `${randomBytes(24).toString('base64url')}: +/&=%"`
}

/** What a promise fails with; undefined when it does not. */
export async function failure (promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error) => error
  )
}
