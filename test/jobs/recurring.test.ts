import Fastify from 'fastify'
import pg from 'pg'
import t from 'tap'
import { createDatabase } from '../../src/database/database.ts'
import { jobRunner } from '../../src/jobs/job-runner.ts'
import { createDatabase as createTestDatabase } from '../database.ts'
import { eventually, setup } from '../helper.ts'

t.test('what comes again every minute is known to the job runner, once for all instances', async (t) => {
  const { sql, another } = await setup(t)
  await another()
  const known = async () =>
    (await sql.query('SELECT identifier FROM graphile_worker._private_known_crontabs ORDER BY 1')).rows.map(
      ({ identifier }) => identifier
    )
  await eventually('all of it', async () => (await known()).length === 3)
  t.same(await known(), ['deliver-due-webhooks', 'purge', 'rotate-keys'])
})

t.test('and each of them does its work, as when the minute comes', async (t) => {
  const { sql } = await setup(t)
  await sql.query(
    `INSERT INTO spent_states (hash, expires_at)
    VALUES ('\\x01', now() - interval '1 minute'), ('\\x02', now() + interval '1 minute')`
  )
  await sql.query(
    "UPDATE signing_keys SET activated_at = now() - interval '91 days', created_at = now() - interval '91 days'"
  )
  for (const task of ['purge', 'rotate-keys', 'deliver-due-webhooks']) {
    await sql.query('SELECT graphile_worker.add_job($1, max_attempts := 1)', [task])
  }
  await eventually(
    'every job is done',
    async () => (await sql.query('SELECT 1 FROM graphile_worker.jobs')).rowCount === 0
  )
  t.equal((await sql.query('SELECT 1 FROM spent_states')).rowCount, 1)
  t.equal((await sql.query("SELECT 1 FROM signing_keys WHERE status = 'retired'")).rowCount, 1)
})

for (const outcome of ['succeeds', 'fails'] as const) {
  t.test(
    `a job that ${outcome} while the database is away ends the runner, which is started again, and not the process`,
    async (t) => {
      const database = await createTestDatabase()
      t.teardown(database.giveBack)
      const sql = new pg.Pool({ connectionString: database.url, max: 1 })
      sql.on('error', () => {})
      t.teardown(() => sql.end())
      const lines: string[] = []
      const app = Fastify({
        logger: {
          stream: {
            write: (line: string) => {
              lines.push(line)
            }
          }
        }
      })
      await app.register(jobRunner, { databaseUrl: database.url, prisma: createDatabase(sql).prisma })
      let isUnderWay = false
      let end = () => {}
      app.jobs.work('revoke-grant', async () => {
        isUnderWay = true
        await new Promise<void>((resolve, reject) => {
          end = outcome === 'succeeds' ? resolve : () => reject(new Error('so it is'))
        })
      })
      await sql.query("SELECT graphile_worker.add_job('revoke-grant')")
      await app.listen({ port: 0 })
      t.teardown(() => app.close())
      await eventually('the job is under way', () => isUnderWay)
      await database.goAway()
      end()
      await eventually('the runner stops', () => lines.join('').includes('the job runner stopped'))
      await database.comeBack()
    }
  )
}
