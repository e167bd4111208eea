import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as sleep } from 'node:timers/promises'
import { newAddress, sessionOf, type Tokens } from '../client.ts'
import type { Fault } from '../fault.ts'
import { startLoad } from '../load.ts'
import { megabytes, milliseconds, percentile, tally, worst } from '../numbers.ts'
import type { World } from '../world.ts'

const droppedConnections: Fault = {
  id: 'F10',
  title: 'clients lose their connection while they refresh, and try again at the other instance',
  pass: 'every retry succeeds, and no session ends',
  async play (world, { figure, must }, { pick }) {
    const drops = pick(1000, 100)
    const { client, sql } = world
    const people: Tokens[] = []
    for (let index = 0; index < 100; index++) people.push(await client.login(`drop${index}`))
    const counter = async ({ access_token: token }: Tokens) =>
      (await sql.query('SELECT counter FROM sessions WHERE id = $1', [sessionOf(token)])).rows[0].counter as number
    let committed = 0
    const refused: number[] = []
    // Ten lanes of ten people: none refreshes again before the abandoned request can have been served.
    await Promise.all(
      Array.from({ length: 10 }, async (_, lane) => {
        for (let round = 0; round < drops / 10; round++) {
          const person = people[lane * 10 + (round % 10)] as Tokens
          const before = await counter(person)
          await dropWhileRefreshing(client.url(round), person.refresh_token)
          if ((await counter(person)) > before) committed++
          const { status, body } = await client.refresh(person.refresh_token, { at: round + 1 })
          if (status === 200) Object.assign(person, body)
          else refused.push(status)
        }
      })
    )
    figure('connections dropped', drops)
    figure('of those, committed when the client tried again', committed)
    figure('forced logouts', refused.length)
    must(refused.length === 0, `retries were answered with ${tally(refused)}`)
  }
}

/** Sends a refresh whole, and is gone up to 20 ms later. */
async function dropWhileRefreshing (url: string, refreshToken: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const sent = request(`${url}/oauth2/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': newAddress() },
      agent: false
    })
    sent.on('error', () => {}).on('close', () => resolve())
    sent.end(JSON.stringify({ grant_type: 'refresh_token', refresh_token: refreshToken }), () => {
      setTimeout(() => sent.destroy(), Math.random() * 20)
    })
  })
}

const clockSteps: Fault = {
  id: 'F11',
  title: 'the clock of one instance steps by five minutes, ahead and back',
  pass: 'no session that was ended works again; no fresh token, access or refresh, is refused by either instance',
  note: 'two clocks that disagree about expiry: an instance whose clock is slow takes expired access tokens ' +
    'for as much longer, and a login that starts at one and ends at the other may be refused. Keep clocks in ' +
    'step (NTP)',
  async play (world, { figure, must }) {
    const { client } = world
    const file = join(world.folder, 'clock')
    await world.instances[1].kill()
    const preload = fileURLToPath(new URL('../clock.mjs', import.meta.url))
    world.instances[1] = await world.start({ NODE_OPTIONS: `--import ${preload}`, TORTURE_CLOCK: file }, 1)
    for (const seconds of [300, -300]) {
      const ended = await client.login(`clock-ended${seconds}`)
      const before = await client.login(`clock-before${seconds}`)
      await client.call('POST', '/logout', { token: ended.access_token })
      await writeFile(file, String(seconds))
      world.instances[1].child.kill('SIGUSR2')
      await sleep(200)
      const revived: number[] = []
      const refused: number[] = []
      for (const at of [0, 1]) {
        const tried = [await client.me(ended.access_token, { at }), await client.refresh(ended.refresh_token, { at })]
        revived.push(...tried.map(({ status }) => status).filter((status) => status === 200))
        const own = await client.login(`clock${seconds}${at}`, { at })
        for (const other of [0, 1]) {
          const fresh = await client.refresh(own.refresh_token, { at: other })
          const answers = [
            fresh,
            await client.me(own.access_token, { at: other }),
            await client.me(before.access_token, { at: other }),
            await client.me(fresh.body.access_token, { at: other + 1 })
          ]
          refused.push(...answers.map(({ status }) => status).filter((status) => status !== 200))
          Object.assign(own, fresh.body)
        }
      }
      const crossing = [
        await (await client.prepare('crossing', { at: 0 }))(1),
        await (await client.prepare('crossing', { at: 1 }))(0)
      ].map(({ status }) => status)
      const step = `${seconds > 0 ? '+' : ''}${seconds} s`
      figure(`${step}: sessions revived`, revived.length)
      figure(`${step}: fresh tokens refused`, refused.length === 0 ? 0 : tally(refused))
      figure(`${step}: logins that cross to the stepped instance, and from it`, crossing.join(', '))
      must(revived.length === 0, `${step}: an ended session works again`)
      must(refused.length === 0, `${step}: fresh tokens were refused`)
    }
    await world.restart()
  }
}

const blockedLog: Fault = {
  id: 'F14',
  title: 'the log is not read: standard output is a pipe that is full',
  pass: 'requests are answered as before, and memory is bounded',
  async play (world, { figure, must }, { pick }) {
    const deaf = await world.start({ LOG_LEVEL: 'trace' }, undefined, { deaf: true })
    const { refresh_token: token, access_token: accessToken } = await world.client.login('deaf')
    const before = await deaf.memory()
    const waits: number[] = []
    const statuses: number[] = []
    const count = pick(20_000, 1_000)
    for (let sent = 0; sent < count; sent += 20) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, async () => {
          const beganAt = performance.now()
          const response = await fetch(`${deaf.url}/me`, {
            headers: { authorization: `Bearer ${accessToken}` },
            signal: AbortSignal.timeout(5_000)
          }).catch(() => undefined)
          await response?.arrayBuffer()
          return { status: response?.status ?? 0, waited: performance.now() - beganAt }
        })
      )
      statuses.push(...answers.map(({ status }) => status))
      waits.push(...answers.map(({ waited }) => waited))
      if (statuses.includes(0)) break
    }
    const after = await deaf.memory()
    figure('requests, at LOG_LEVEL=trace', tally(statuses))
    figure('p99, longest', `${milliseconds(percentile(waits, 0.99))}, ${milliseconds(worst(waits))}`)
    figure('memory: before, after', `${megabytes(before)}, ${megabytes(after)}`)
    must(
      statuses.every((status) => status === 200),
      'requests were not answered'
    )
    must(after - before < 150 * 1024 * 1024, 'memory grew by 150 MB')
    must((await world.client.refresh(token)).status === 200, 'a session was lost')
    const code = await Promise.race([deaf.stop(), sleep(10_000).then(() => 'none')])
    figure('exit code after SIGTERM', String(code))
    must(code === 0, 'it did not end in order')
    await deaf.kill()
  }
}

const redisGone: Fault = {
  id: 'R1',
  title: 'Redis is killed, comes back, and hangs, under load',
  pass: 'no request fails',
  async play (world: World, { figure, must, skip }, { pick }) {
    const { redis } = world
    if (!redis) return skip('neither redis-server nor valkey-server is installed')
    const pause = pick(3_000, 800)
    const load = await startLoad(world.client)
    await sleep(pause)
    await redis.kill()
    await sleep(pause)
    await redis.start()
    await sleep(pause)
    redis.freeze()
    await sleep(pause)
    redis.thaw()
    await sleep(pause)
    const { requests, failed, loggedOut, p99 } = await load.stop()
    figure('requests', requests.length)
    figure('failed', failed.length === 0 ? 0 : tally(failed.map(({ status }) => status)))
    figure('p99', milliseconds(p99()))
    figure('longest', milliseconds(worst(requests.map((one) => one.milliseconds))))
    must(failed.length === 0 && loggedOut === 0, 'requests failed')
  }
}

export const clientFaults = [droppedConnections, clockSteps, blockedLog, redisGone]
