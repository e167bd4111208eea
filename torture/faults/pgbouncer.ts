import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Fault } from '../fault.ts'
import { startLoad } from '../load.ts'
import { milliseconds, tally } from '../numbers.ts'
import { pgBouncerVersion, startPgBouncer, withoutPgBouncer } from '../../test/pgbouncer.ts'

export const throughPgBouncer: Fault = {
  id: 'P1',
  title: 'all of it through PgBouncer in transaction mode, from an empty database',
  pass: 'both instances start and migrate; logins, refreshes, /me and jobs work; no lock of a session is left behind',
  async play (world, { figure, must, skip }, { pick }) {
    if (withoutPgBouncer) return skip(withoutPgBouncer)
    const { postgres, client } = world
    await world.sql.query('CREATE DATABASE pooled')
    const direct = new pg.Pool({ connectionString: postgres.urlOf('pooled'), max: 2 })
    // PostgreSQL may end its idle connections when the database goes.
    direct.on('error', () => {})
    const bouncer = await startPgBouncer(world.folder, postgres.urlOf('pooled'))
    try {
      const beganAt = performance.now()
      await world.restart({ DATABASE_URL: bouncer.url })
      figure('PgBouncer', pgBouncerVersion())
      figure('start of both instances, with migrations', milliseconds(performance.now() - beganAt))
      const load = await startLoad(client)
      await sleep(pick(10_000, 3_000))
      await direct.query("INSERT INTO spent_states (hash, expires_at) VALUES ('\\x01', now() - interval '1 minute')")
      await direct.query("SELECT graphile_worker.add_job('purge', max_attempts := 1)")
      const jobs = async () =>
        (await direct.query('SELECT count(*)::int AS jobs FROM graphile_worker.jobs')).rows[0].jobs as number
      for (const endsAt = Date.now() + 15_000; (await jobs()) > 0 && Date.now() < endsAt;) await sleep(100)
      const { requests, failed, loggedOut, p99 } = await load.stop()
      const {
        rows: [{ locks }]
      } = await direct.query("SELECT count(*)::int AS locks FROM pg_locks WHERE locktype = 'advisory'")
      figure('requests', requests.length)
      figure('answers', tally(requests.map(({ status }) => status)))
      figure('p99', milliseconds(p99()))
      figure('jobs left', await jobs())
      figure('advisory locks left', locks)
      must(failed.length === 0 && loggedOut === 0, 'requests failed')
      must(
        (await jobs()) === 0 &&
          (await direct.query('SELECT 1 FROM spent_states WHERE expires_at < now()')).rowCount === 0,
        'a job was not done'
      )
      must(locks === 0, 'a lock was left on a connection of the pooler')
    } finally {
      await world.restart()
      await bouncer.stop()
      await direct.end()
      await world.sql.query('DROP DATABASE pooled WITH (FORCE)')
    }
  }
}
