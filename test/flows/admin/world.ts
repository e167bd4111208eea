import type { Test } from 'tap'
import { signedIn } from '../signed-in.ts'

/** A Signet with an administrator (of acme), another user (of GitHub), and their requests. */
export async function administration (t: Test, environment: Record<string, string> = {}) {
  return await withAdministrator(await signedIn(t, environment))
}

/** The same in a Signet that is there, and has no users. */
export async function withAdministrator (signet: Awaited<ReturnType<typeof signedIn>>) {
  const admin = await signet.login('acme')
  await signet.sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [admin.user.id])
  const octocat = await signet.login('github')
  const call = (method: string, path: string, body?: unknown, at?: string) =>
    signet.call(method, path, admin.access_token, {
      ...(body === undefined ? {} : { body }),
      ...(at === undefined ? {} : { at })
    })
  const me = async ({ access_token: token }: { access_token: string }) =>
    (await signet.call('GET', '/me', token)).status
  return { ...signet, admin, octocat, ask: call, me }
}
