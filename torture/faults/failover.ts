import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster, withoutCluster, type Cluster, type DatabaseMachine } from '../cluster.ts'
import type { Fault, Verdict } from '../fault.ts'
import { startLedger } from '../ledger.ts'
import { endOf, startLoad, type LoadOptions, type Request } from '../load.ts'
import { milliseconds, percentile, tally, worst } from '../numbers.ts'
import { watchReadiness } from '../readiness.ts'
import type { World } from '../world.ts'

const WAIT_MS = 3_000
/** So long without a failure, and all counts as well again. */
const CALM_MS = 5_000
const LONGEST_GAP_MS = 90_000
const SETTINGS = {
  // A client repeats a refresh that was not answered, maybe after the whole gap: docs/high-availability.md.
  REFRESH_REUSE_GRACE: '60',
  SHUTDOWN_DELAY: '1'
}

/** What happens to the leader. Returns how it is undone, once all is well without it. */
type Strike = (machines: Machines, world: World) => Promise<() => Promise<void>>
interface Machines { cluster: Cluster, leader: DatabaseMachine, balancer: ReturnType<typeof watchReadiness> }

const clusters = new WeakMap<World, Promise<Cluster>>()

/** One for all faults of a run. */
function clusterOf (world: World): Promise<Cluster> {
  const known = clusters.get(world)
  if (known) return known
  const folder = mkdtemp(join(tmpdir(), 'signet-cluster-'))
  const cluster = folder.then(startCluster)
  clusters.set(world, cluster)
  world.onClose(async () => {
    await cluster.then(({ close }) => close(), () => {})
    await rm(await folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return cluster
}

const seconds = (value: number) => `${(value / 1000).toFixed(1)} s`
const HELD = 'every answered login, refresh and logout still holds; nobody is logged out; no process ends; failures ' +
  'are 503 with Retry-After, 99 of 100 within 3 s'

function failover (
  { strike, limit, ...fault }: Pick<Fault, 'id' | 'title' | 'note'> & {
    strike: Strike
    /** The longest gap in seconds, and how that is told. */
    limit: (cluster: Cluster) => number
    limitText: string
    needsNetwork?: true
  }
): Fault {
  const { limitText, needsNetwork, ...described } = fault
  return {
    ...described,
    pass: `${HELD}; ${limitText}; the old leader follows the new one by itself`,
    group: 'failover',
    wholeOnly: true,
    async play (world, verdict) {
      const missing = withoutCluster()
      if (missing !== undefined) return verdict.skip(missing)
      const cluster = await clusterOf(world)
      verdict.figure('programs', cluster.versions)
      const { leader } = await cluster.untilWhole()
      if (needsNetwork && !leader.isolate) return verdict.skip('root may not make network namespaces here')
      for (const way of ['HAProxy', 'several hosts'] as const) {
        await playOnce(world, cluster, way, verdict, strike, limit(cluster))
      }
      await world.restart()
    }
  }
}

async function playOnce (
  world: World, cluster: Cluster, way: keyof Cluster['urls'], { figure, must }: Verdict, strike: Strike, limit: number
): Promise<void> {
  const { leader } = await cluster.untilWhole()
  await world.restart({ ...SETTINGS, DATABASE_URL: cluster.urls[way] })
  const balancer = watchReadiness(world.client)
  // While neither is ready it sends on, as a load balancer that has nothing better does: 503 is to be seen.
  const route: LoadOptions['route'] = (index) => balancer.route(index) ?? balancer.anyRoute(index)
  const load = await startLoad(world.client, { perSecond: 20, route })
  const ledger = startLedger(world.client)
  await sleep(3_000)

  const struckAt = performance.now()
  const failed = () => load.soFar().filter(({ beganAt, status }) =>
    beganAt > struckAt - WAIT_MS && (status === 0 || status >= 500))
  const undo = await strike({ cluster, leader, balancer }, world)
  const isOver = await untilCalm(load.soFar, struckAt, failed)
  const gap = worst(failed().map(endOf).map((end) => end - struckAt))
  const healedAt = performance.now()
  await undo()
  const rejoined = await cluster.untilWhole().then(() => performance.now() - healedAt, () => undefined)
  await sleep(2_000)

  const report = await load.stop()
  const audit = await ledger.stop()
  await balancer.stop()
  const waits = report.failed.map((one) => one.milliseconds)
  const slowest = worst(report.requests.map((one) => one.milliseconds))
  figure(`${way}: gap, from the fault to the last failure`, seconds(gap))
  figure(`${way}: failed`, `${tally(report.failed.map(describe))} of ${report.requests.length} requests`)
  figure(`${way}: slowest answer`, milliseconds(slowest))
  figure(`${way}: p99 of the failures`, milliseconds(percentile(waits, 0.99)))
  figure(`${way}: failures after the old leader was back`,
    report.failed.filter(({ beganAt }) => beganAt > healedAt).length)
  figure(`${way}: until the old leader followed`, rejoined === undefined ? 'never' : seconds(rejoined))
  figure(`${way}: lost of ${audit.logins} logins and ${audit.logouts} logouts`,
    `${audit.lostLogins} and ${audit.undoneLogouts}`)
  figure(`${way}: logged out`, report.loggedOut)
  must(isOver, `${way}: it did not end within ${seconds(LONGEST_GAP_MS)}`)
  must(rejoined !== undefined, `${way}: the old leader did not come back`)
  must(report.failed.every(({ status, retryAfter }) => status === 503 && retryAfter),
    `${way}: failures were not 503 with Retry-After: ${tally(report.failed.map(describe))}`)
  must(percentile(waits, 0.99) <= WAIT_MS, `${way}: failing took longer than 3 s`)
  must(gap <= limit * 1000, `${way}: the gap was longer than ${limit} s`)
  must(report.loggedOut === 0, `${way}: people were logged out`)
  must(audit.logins > 0 && audit.logouts > 0, `${way}: nothing was answered`)
  must(audit.lostLogins === 0, `${way}: answered logins were lost`)
  must(audit.undoneLogouts === 0, `${way}: answered logouts were undone`)
}

const describe = ({ kind, status, retryAfter }: Request) =>
  status === 503 && retryAfter ? '503' : `${kind} ${status}${retryAfter ? '' : ' without Retry-After'}`

/** Waits until a refresh succeeds after the last failure, and none has failed for a while. */
async function untilCalm (soFar: () => Request[], struckAt: number, failed: () => Request[]): Promise<boolean> {
  while (performance.now() < struckAt + LONGEST_GAP_MS) {
    const lastFailure = Math.max(struckAt, ...failed().map(endOf))
    const works = soFar().some(({ kind, status, beganAt }) =>
      kind === 'refresh' && status === 200 && beganAt > lastFailure)
    if (works && performance.now() > lastFailure + CALM_MS) return true
    await sleep(100)
  }
  return false
}

const explained = {
  limit: ({ explainedSeconds }: Cluster) => explainedSeconds + 5,
  limitText: "the gap is at most Patroni's ttl + loop_wait + retry_timeout, and 5 s"
}
const planned = { limit: () => 15, limitText: 'the gap is at most 15 s' }

export const failoverFaults: Fault[] = [
  failover({
    id: 'D1',
    title: 'failover: kill -9 of the leader, its PostgreSQL and its Patroni',
    ...explained,
    async strike ({ leader }) {
      await leader.kill()
      return leader.start
    },
    note: 'a machine whose disk is lost; Patroni is started again as systemd does, here once the other leads'
  }),
  failover({
    id: 'D2',
    title: 'failover: the leader is frozen, and later goes on',
    ...explained,
    async strike ({ leader }) {
      await leader.freeze(true)
      return () => leader.freeze(false)
    }
  }),
  failover({
    id: 'D3',
    title: 'failover: the leader is cut off from the network, and later comes back',
    ...explained,
    needsNetwork: true,
    async strike ({ leader }) {
      await leader.isolate?.(true)
      return async () => { await leader.isolate?.(false) }
    },
    note: 'a leader that only the standby and etcd cannot reach, while Signet can'
  }),
  failover({
    id: 'D4',
    title: 'failover: a switchover by patronictl',
    ...planned,
    async strike ({ cluster }) {
      await cluster.switchOver()
      return async () => {}
    }
  }),
  failover({
    id: 'D5',
    title: 'failover: a rolling restart of both Signets during a switchover',
    limit: () => 45,
    limitText: 'no refresh fails but with 503',
    async strike ({ cluster, balancer }, world) {
      const switching = cluster.switchOver()
      for (const index of [0, 1] as const) {
        balancer.takeOut(index)
        const { DATABASE_URL = '' } = world.instances[index].environment
        await world.instances[index].stop()
        world.instances[index] = await world.start({ ...SETTINGS, DATABASE_URL }, index)
        balancer.takeOut(undefined)
      }
      await switching
      return async () => {}
    }
  })
]
