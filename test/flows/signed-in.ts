import type { Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { OCTOCAT, startFakeGitHub } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { readJson, setup } from '../helper.ts'

export interface CallOptions {
  body?: unknown
  headers?: Record<string, string>
  at?: string
}

/**
 * A Signet where people sign in at GitHub and at an issuer of their own, and what a signed-in client calls below /me.
 */
export async function signedIn (t: Test, environment: Record<string, string> = {}) {
  const github = await startFakeGitHub()
  const acme = await startFakeOidc()
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  github.user(OCTOCAT)
  acme.person({ sub: 'jane', email: 'jane@example.com', email_verified: true, name: 'Jane' })
  const running = await setup(t, {
    ...github.settings,
    ...acme.settings('acme', { emailTrusted: true }),
    ...environment
  })
  const { url, sql } = running

  /** The token response, with `user`. */
  async function login (provider = 'github', userAgent = 'curl/8.5.0') {
    const browser = createBrowser(url)
    const callback = await browser.authorize(await browser.start(`/login/${provider}`))
    return (await browser.get(callback, { headers: { 'user-agent': userAgent } })).json()
  }

  /** A body that is text goes as it is. */
  async function call (method: string, path: string, token: string, options: CallOptions = {}) {
    const { body, headers = {}, at = url } = options
    const response = await fetch(at + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) })
    })
    const hasBody = ![204, 304].includes(response.status) && method !== 'HEAD'
    return {
      status: response.status,
      headers: response.headers,
      etag: response.headers.get('etag') ?? '',
      body: hasBody ? await readJson(response) : undefined
    }
  }

  /** Every item of a list, read page by page. Throws when a page that is not the last is not full. */
  async function readAll (path: string, token: string, limit: number): Promise<any[]> {
    const items: any[] = []
    for (let cursor = ''; ;) {
      const { body } = await call('GET', `${path}?limit=${limit}${cursor}`, token)
      items.push(...body.items)
      if (body.nextCursor === null) return items
      if (body.items.length !== limit) throw new Error(`A page of ${body.items.length}, not of ${limit}`)
      cursor = `&cursor=${body.nextCursor}`
    }
  }

  const refresh = async (refreshToken: string) =>
    (
      await fetch(`${url}/oauth2/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
      })
    ).status

  const events = async (type: string) =>
    (
      await sql.query(
        `SELECT user_id AS "userId", actor_id AS "actorId", ip_address AS "ipAddress", details
        FROM audit_events
        WHERE type = $1
        ORDER BY id`,
        [type]
      )
    ).rows

  return { ...running, github, acme, login, call, readAll, refresh, events }
}

/** The session id that an access token names. */
export function sessionOf (accessToken: string): string {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()).sid
}
