import { setTimeout as sleep } from 'node:timers/promises'
import { newAddress, type TimedAnswer, type Client } from './client.ts'
import { percentile } from './numbers.ts'

/** What came of the load. */
export interface Report {
  requests: Request[]
  /** Requests without an answer, and those answered with a 5xx. */
  failed: Request[]
  /** Of those that succeeded. */
  p99: () => number
  /** Seconds from the first failed request to the last. */
  failingSeconds: number
  /** People whose session was refused though they did nothing wrong: must be 0. */
  loggedOut: number
}

export type Kind = 'login' | 'refresh' | 'me'
export interface Request {
  kind: Kind
  at: number
  beganAt: number
  milliseconds: number
  status: number
  /** Whether the answer says when to try again. */
  retryAfter: boolean
}

export const endOf = ({ beganAt, milliseconds }: Request) => beganAt + milliseconds

export interface Load {
  /** From now on; performance.now() tells when a request began. */
  stop: () => Promise<Report>
  soFar: () => Request[]
}

export interface LoadOptions {
  perSecond?: number
  /** To which instance a request goes; undefined when there is none to send it to, then it waits. */
  route?: (index: number) => number | undefined
  people?: number
}

interface Person {
  name: string
  address: string
  access: string
  refresh: string
  busy: boolean
  loggedOut: boolean
}

/**
 * Has no common divisor with the twenty below: so each person makes every kind of request in turn, and refreshes no
 * more often than the rate limit allows.
 */
const PEOPLE = 41

/** Twenty kinds of request in turn: 5 % logins, 25 % refreshes, the rest GET /me. */
const MIX: Kind[] = Array.from({ length: 20 }, (_, index) =>
  index === 0 ? 'login' : index % 4 === 1 ? 'refresh' : 'me'
)

/**
 * A steady load on both instances, until it is stopped. People act one request at a time, and like good clients: what
 * failed is tried again later with their latest tokens. A token that a client has received must never be refused.
 */
export async function startLoad (
  client: Client,
  { perSecond = 40, route = (index) => index % 2, people: count = PEOPLE }: LoadOptions = {}
): Promise<Load> {
  const prefix = `load${Math.random().toString(36).slice(2, 8)}-`
  const people: Person[] = []
  for (let index = 0; index < count; index++) {
    const tokens = await client.login(`${prefix}${index}`, { at: index })
    people.push({
      name: `${prefix}${index}`,
      address: newAddress(),
      access: tokens.access_token,
      refresh: tokens.refresh_token,
      busy: false,
      loggedOut: false
    })
  }
  const requests: Request[] = []
  const underWay = new Set<Promise<void>>()
  const stopping = new AbortController()

  async function act (kind: Kind, person: Person, at: number): Promise<void> {
    person.busy = true
    const answer = await answerTo(kind, person, at).catch((): TimedAnswer => ({
      status: 0,
      body: undefined,
      milliseconds: 0,
      headers: undefined
    }))
    requests.push({
      kind,
      at,
      beganAt: performance.now() - answer.milliseconds,
      milliseconds: answer.milliseconds,
      status: answer.status,
      retryAfter: answer.headers?.has('retry-after') ?? false
    })
    if (answer.status === 200 && kind !== 'me') {
      Object.assign(person, { access: answer.body.access_token, refresh: answer.body.refresh_token })
    }
    if (answer.status === 401 || answer.status === 400) person.loggedOut = true
    person.busy = false
  }

  async function answerTo (kind: Kind, person: Person, at: number): Promise<TimedAnswer> {
    if (kind === 'me') return await client.me(person.access, { at, address: person.address })
    if (kind === 'refresh') return await client.refresh(person.refresh, { at, address: person.address })
    const callback = await client.prepare(person.name, { at })
    return await callback(route(at) ?? at)
  }

  const running = (async () => {
    let dueAt = performance.now()
    for (let index = 0; !stopping.signal.aborted; index++) {
      // A machine that is late does not make up for it by a burst.
      dueAt = Math.max(dueAt + 1000 / perSecond, performance.now() - 100)
      await sleep(Math.max(0, dueAt - performance.now()))
      const at = route(index)
      const person = [...people.slice(index % count), ...people.slice(0, index % count)].find(({ busy }) => !busy)
      if (at === undefined || !person) continue
      const acting = act(MIX[index % MIX.length] as Kind, person, at).finally(() => underWay.delete(acting))
      underWay.add(acting)
    }
  })()

  return {
    soFar: () => requests,
    async stop () {
      stopping.abort()
      await running
      await Promise.all(underWay)
      // All sessions still work.
      await Promise.all(
        people.map(async (person, index) => {
          const answer = await client.refresh(person.refresh, { at: index, address: person.address })
          if (answer.status !== 200) person.loggedOut = true
        })
      )
      const failed = requests.filter(({ status }) => status === 0 || status >= 500)
      return {
        requests,
        failed,
        p99: () =>
          percentile(
            requests.filter(({ status }) => status === 200).map(({ milliseconds }) => milliseconds),
            0.99
          ),
        failingSeconds:
          failed.length === 0
            ? 0
            : (Math.max(...failed.map(endOf)) - Math.min(...failed.map(({ beganAt }) => beganAt))) / 1000,
        loggedOut: people.filter(({ loggedOut }) => loggedOut).length
      }
    }
  }
}
