import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import { startLoad } from '../load.ts'
import { tally, worst } from '../numbers.ts'
import { watchReadiness } from '../readiness.ts'
import type { World } from '../world.ts'

const kills: Fault = {
  id: 'F1',
  title: 'kill -9 of an instance during first logins',
  pass: 'no user without account, no account or session without user, no identity twice; every login that was cut ' +
    'off succeeds at the other instance: by calling back again or, where its state had been spent, by starting ' +
    'again',
  note: "a power failure of the database's machine: `fsync` is PostgreSQL's business, and the processes only are " +
    'killed',
  async play (world, { figure, must }, { pick }) {
    const rounds = pick(20, 3)
    let cut = 0
    let retried = 0
    const strange: number[] = []
    const retryStatuses: number[] = []
    for (let round = 0; round < rounds; round++) {
      const callbacks = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          world.client.prepare(`kill${round}-${index}-${process.pid}`, { at: index })
        )
      )
      const answering = callbacks.map((callback, index) => callback(index))
      await sleep(5 + Math.random() * 150)
      await world.instances[0].kill()
      for (const [index, answer] of (await Promise.all(answering)).entries()) {
        if (answer.status === 200) continue
        if (answer.status !== 0) strange.push(answer.status)
        cut++
        // The browser's retry of the same callback; where the state was spent before the kill, the person starts again.
        const retry = await (callbacks[index] as (typeof callbacks)[number])(1)
        if (retry.status === 200) retried++
        else {
          retryStatuses.push(
            (await world.client.prepare(`kill${round}-${index}-${process.pid}`, { at: 1 }).then((again) => again()))
              .status
          )
        }
      }
      await world.mend()
    }
    const audit = await world.audit()
    figure('kills', rounds)
    figure('logins', rounds * 50)
    figure('logins cut off', cut)
    figure('of those, done by calling back again', retried)
    figure(
      'of those, done by starting again (the state had been spent)',
      retryStatuses.filter((status) => status === 200).length
    )
    for (const [name, count] of Object.entries(audit)) figure(name, count)
    must(strange.length === 0, `other answers than success or none: ${tally(strange)}`)
    must(
      retryStatuses.every((status) => status === 200),
      `retries failed: ${tally(retryStatuses)}`
    )
    must(
      Object.values(audit).every((count) => count === 0),
      'something half-written is left'
    )
  }
}

const rollingRestart: Fault = {
  id: 'F5',
  title: 'SIGTERM under load: a rolling restart of both instances',
  pass: 'no request of a client that watches readiness and obeys `Connection: close` is lost or answered with a ' +
    '5xx; exit code 0, within 30 s',
  note: 'a load balancer that does not look at /readyz within SHUTDOWN_DELAY',
  async play (world, { figure, must }, { pick }) {
    const rounds = pick(5, 1)
    const delay = { SHUTDOWN_DELAY: '2' }
    await world.restart(delay)
    const balancer = watchReadiness(world.client)
    const load = await startLoad(world.client, { route: balancer.route })
    const codes: (number | null)[] = []
    const times: number[] = []
    for (let round = 0; round < rounds; round++) {
      for (const index of [0, 1] as const) {
        await sleep(500)
        const beganAt = performance.now()
        codes.push(await world.instances[index].stop())
        times.push(performance.now() - beganAt)
        world.instances[index] = await world.start(delay, index)
        while (!balancer.isReady(index)) await sleep(20)
      }
    }
    const { requests, failed, loggedOut } = await load.stop()
    await balancer.stop()
    figure('restarts', codes.length)
    figure('requests', requests.length)
    figure('lost or answered with 5xx', failed.length === 0 ? 0 : tally(failed.map(({ status }) => status)))
    figure('exit codes', tally(codes.map(String)))
    figure('longest from signal to exit, with a SHUTDOWN_DELAY of 2 s', `${(worst(times) / 1000).toFixed(1)} s`)
    figure('logged out', loggedOut)
    must(failed.length === 0, 'requests were lost')
    must(
      codes.every((code) => code === 0),
      'an exit code was not 0'
    )
    must(worst(times) < 30_000, 'it took longer than 30 s')
    must(loggedOut === 0, 'people were logged out')
    await world.restart()
  }
}

const restartsAfterRevocation: Fault = {
  id: 'F12',
  title: 'restart of both instances and of the database after logout and after a theft',
  pass: 'no ended session and no stolen token works again',
  async play (world, { figure, must }, { pick }) {
    const rounds = pick(3, 1)
    const { client } = world
    let revived = 0
    let checks = 0
    for (let round = 0; round < rounds; round++) {
      const ended = await client.login(`ended${round}`)
      await client.call('POST', '/logout', { token: ended.access_token })
      const stolen = await client.login(`stolen${round}`)
      const once = await client.refresh(stolen.refresh_token)
      const twice = await client.refresh(once.body.refresh_token, { at: 1 })
      await client.refresh(stolen.refresh_token)
      await restartAll(world)
      for (const at of [0, 1]) {
        for (const token of [
          ended.refresh_token,
          stolen.refresh_token,
          once.body.refresh_token,
          twice.body.refresh_token
        ]) {
          checks++
          if ((await client.refresh(token, { at })).status === 200) revived++
        }
        for (const token of [ended.access_token, stolen.access_token, twice.body.access_token]) {
          checks++
          if ((await client.me(token, { at })).status === 200) revived++
        }
      }
    }
    figure('restarts of all', rounds)
    figure('tokens tried', checks)
    figure('that worked again', revived)
    must(revived === 0, 'a revocation was undone')
  }
}

async function restartAll (world: World): Promise<void> {
  await world.postgres.crash()
  await world.restart()
}

export const processFaults = [kills, rollingRestart, restartsAfterRevocation]
