import type { Test } from 'tap'
import { startHttpFake, type HttpFake } from '../fakes/http-fake.ts'

export interface Proxy extends HttpFake {
  /** The statuses that Signet answered with, by path. */
  statuses: (path: string) => number[]
}

/** In front of a Signet, for GET: records what is asked for, and can be told to misbehave. */
export async function startProxy (t: Test, target: string): Promise<Proxy> {
  const statuses: { path: string, status: number }[] = []
  const fake = await startHttpFake(async ({ path, query, headers: { authorization, 'if-none-match': etag } }) => {
    const headers = {
      ...(authorization === undefined ? {} : { authorization }),
      ...(etag === undefined ? {} : { 'if-none-match': etag })
    }
    const answer = await fetch(`${target}${path}?${new URLSearchParams(query as Record<string, string>)}`, { headers })
    statuses.push({ path, status: answer.status })
    return {
      status: answer.status,
      headers: Object.fromEntries([...answer.headers].filter(([name]) => ['etag', 'content-type'].includes(name))),
      body: await answer.text()
    }
  })
  t.teardown(() => fake.close())
  return { ...fake, statuses: (path) => statuses.filter((entry) => entry.path === path).map(({ status }) => status) }
}
