import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import { startLoad } from '../load.ts'
import { tally } from '../numbers.ts'

const REMOVED_WITHIN_MS = 60_000

const ownKeys: Fault = {
  id: 'F9',
  title: "Signet's own signing key is rotated under load, and the old one then removed",
  pass: 'no token is refused by the rotation; a removed key is refused by every instance within 60 s',
  note: 'services that verify by themselves: they hold the key set for as long as its `Cache-Control` says, five ' +
    'minutes',
  async play (world, { figure, must }, { short, pick }) {
    const { client, sql } = world
    const admin = await client.login('administrator')
    await sql.query("UPDATE users SET roles = '{admin}' WHERE id = $1", [admin.user.id])
    const load = await startLoad(client)
    const rotations = pick(5, 2)
    const statuses: number[] = []
    for (let rotation = 0; rotation < rotations; rotation++) {
      await sleep(1_000)
      statuses.push(
        (await client.call('POST', '/admin/keys/rotate', { token: admin.access_token, at: rotation })).status
      )
    }
    await sleep(1_000)
    const report = await load.stop()
    const refused = report.requests.filter(({ status }) => status === 401)
    figure('rotations', tally(statuses))
    figure('requests', report.requests.length)
    figure('tokens refused', refused.length)
    must(
      statuses.every((status) => status < 300),
      `a rotation was answered with ${tally(statuses)}`
    )
    must(
      refused.length === 0 && report.failed.length === 0 && report.loggedOut === 0,
      'a rotation made a request fail'
    )
    if (short) return figure('removal of a key', 'not in the short form')

    const { kid } = JSON.parse(Buffer.from(admin.access_token.split('.')[0] as string, 'base64url').toString())
    await sql.query('DELETE FROM signing_keys WHERE kid = $1', [kid])
    const removedAt = performance.now()
    for (const at of [0, 1]) {
      while (
        (await client.me(admin.access_token, { at })).status === 200 &&
        performance.now() - removedAt < 2 * REMOVED_WITHIN_MS
      ) { await sleep(250) }
    }
    const took = performance.now() - removedAt
    figure('until a removed key was refused by both', `${(took / 1000).toFixed(1)} s`)
    must(took <= REMOVED_WITHIN_MS, 'a removed key was taken for longer than 60 s')
  }
}

export const keyFaults = [ownKeys]
