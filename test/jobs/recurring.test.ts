import t, { type Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { setup } from '../helper.ts'

async function eventually (t: Test, what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!await holds() && Date.now() < deadline) await sleep(50)
  t.ok(await holds(), what)
}

t.test('what comes again every minute is known to the job runner, once for all instances', async (t) => {
  const { sql, another } = await setup(t)
  await another()
  const known = async () => (await sql.query('SELECT identifier FROM graphile_worker._private_known_crontabs ORDER BY 1')).rows.map(({ identifier }) => identifier)
  await eventually(t, 'all of it', async () => (await known()).length === 3)
  t.same(await known(), ['deliver-due-webhooks', 'purge', 'rotate-keys'])
})

t.test('and each of them does its work, as when the minute comes', async (t) => {
  const { sql } = await setup(t)
  await sql.query("INSERT INTO spent_states (hash, expires_at) VALUES ('\\x01', now() - interval '1 minute'), ('\\x02', now() + interval '1 minute')")
  await sql.query("UPDATE signing_keys SET activated_at = now() - interval '91 days', created_at = now() - interval '91 days'")
  for (const task of ['purge', 'rotate-keys', 'deliver-due-webhooks']) await sql.query('SELECT graphile_worker.add_job($1, max_attempts := 1)', [task])
  await eventually(t, 'every job is done', async () => (await sql.query('SELECT 1 FROM graphile_worker.jobs')).rowCount === 0)
  t.equal((await sql.query('SELECT 1 FROM spent_states')).rowCount, 1)
  t.equal((await sql.query("SELECT 1 FROM signing_keys WHERE status = 'retired'")).rowCount, 1)
})
