import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../fault.ts'
import { megabytes, tally } from '../numbers.ts'
import type { World } from '../world.ts'

/** What a round leaves behind is made old enough to be purged before the next. */
const AGE = [
  "UPDATE spent_states SET expires_at = expires_at - interval '1 day'",
  `UPDATE sessions SET created_at = created_at - interval '300 days',
    idle_expires_at = idle_expires_at - interval '300 days',
    expires_at = expires_at - interval '300 days'`,
  "UPDATE audit_events SET created_at = created_at - interval '500 days'",
  "UPDATE authorization_codes SET expires_at = expires_at - interval '2 days'"
]
const TABLES = ['spent_states', 'sessions', 'audit_events', 'authorization_codes']

const soak: Fault = {
  id: 'F15',
  title: 'a day in a few minutes: logins, refreshes, expiry and purging, again and again',
  pass: 'after each purge the tables are empty again; the memory of the second half does not grow by more than 15 ' +
    '% over that of the first; no connection is left over',
  note: 'a day. Rows are made old by SQL, so that what takes months happens between rounds; what needs time itself ' +
    'to leak does not show',
  async play (world, { figure, must }, { pick, short }) {
    const rounds = pick(16, 2)
    const logins = pick(120, 40)
    const memories: number[] = []
    const left: number[] = []
    const sizes: number[] = []
    const strange: number[] = []
    // Other faults may have left rows: purge them first.
    await age(world)
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        Array.from({ length: 8 }, async (_, lane) => {
          for (let index = lane; index < logins; index += 8) {
            const tokens = await world.client.login(`soak${index}`, { at: index })
            const fresh = await world.client.refresh(tokens.refresh_token, { at: index + 1 })
            const me = await world.client.me(fresh.body.access_token, { at: index })
            const code = await world.client.code(`soak${index}`, { at: index })
            const exchanged = await world.client.call('POST', '/oauth2/token', {
              body: { grant_type: 'authorization_code', ...code }
            })
            strange.push(...[fresh, me, exchanged].map(({ status }) => status).filter((status) => status !== 200))
          }
        })
      )
      await age(world)
      const rows = TABLES.map((table) => `(SELECT count(*) FROM ${table})`).join(' + ')
      const bytes = TABLES.map((table) => `pg_total_relation_size('${table}')`).join(' + ')
      const { rows: [rest] } = await world.sql.query(`SELECT ${rows} AS rows, ${bytes} AS bytes`)
      left.push(Number(rest.rows))
      sizes.push(Number(rest.bytes))
      memories.push(
        (await Promise.all(world.instances.map((instance) => instance.memory()))).reduce(
          (sum, memory) => sum + memory
        ) / 2
      )
    }
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    // The first quarter is for warming up.
    const settled = memories.slice(Math.floor(rounds / 4))
    const half = Math.ceil(settled.length / 2)
    const [first, second] = [mean(settled.slice(0, half)), mean(settled.slice(half))]
    const { rows: [{ open }] } = await world.sql.query(
      "SELECT count(*)::int AS open FROM pg_stat_activity WHERE application_name LIKE 'signet%'"
    )
    figure('rounds, logins in each', `${rounds}, ${logins * 2}`)
    figure('rows left after the purges, at most', Math.max(...left))
    figure(
      'size of those tables: after the first round, after the last',
      `${megabytes(sizes[0] as number)}, ${megabytes(sizes.at(-1) as number)}`
    )
    figure('memory of an instance, when warm: first half, second half', `${megabytes(first)}, ${megabytes(second)}`)
    figure('connections', open)
    must(strange.length === 0, `answers other than 200: ${tally(strange)}`)
    must(Math.max(...left) === 0, 'purging leaves rows')
    must(short || second <= first * 1.15, 'memory grows')
    must(open <= 26, 'connections are left')
  }
}

async function age ({ sql }: World): Promise<void> {
  for (const statement of AGE) await sql.query(statement)
  await sql.query("SELECT graphile_worker.add_job('purge', max_attempts := 1)")
  const waiting = "SELECT 1 FROM graphile_worker.jobs WHERE task_identifier = 'purge' AND last_error IS NULL"
  for (const endsAt = Date.now() + 30_000; (await sql.query(waiting)).rowCount !== 0 && Date.now() < endsAt;) {
    await sleep(50)
  }
}

export const soakFaults = [soak]
