import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import { recordEvents } from '../../src/audit/events.ts'
import { createDatabase } from '../../src/database/database.ts'
import { createDatabase as createTestDatabase } from '../database.ts'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startWebhookReceiver } from '../fakes/webhook-receiver.ts'
import { freePort } from '../free-port.ts'
import { ENCRYPTION_KEYS } from '../helper.ts'
import { addEndpoint, lookForDue } from './world.ts'

t.test(
  'a kill -9 between a change and its delivery loses nothing: another process goes on, in order, under the same ids',
  async (t) => {
    const [database, github, receiver] = [
      await createTestDatabase(),
      await startFakeGitHub(),
      await startWebhookReceiver()
    ]
    const sql = new pg.Pool({ connectionString: database.url })
    sql.on('error', () => {})
    const { prisma } = createDatabase(sql)
    t.teardown(async () => {
      await prisma.$disconnect()
      await Promise.all([github.close(), receiver.close(), sql.end()])
      await database.giveBack()
    })

    async function startServer () {
      const port = await freePort()
      const { PATH = '', HOME = '' } = process.env
      const child = spawn(process.execPath, ['--import', 'tsx', 'src/server.ts'], {
        env: { PATH, HOME, PORT: String(port), DATABASE_URL: database.url, ENCRYPTION_KEYS, ...github.settings },
        stdio: 'ignore'
      })
      t.teardown(() => child.kill('SIGKILL'))
      const url = `http://localhost:${port}`
      for (
        let attempt = 0;
        attempt < 600 &&
        !(await fetch(`${url}/readyz`).then(
          ({ ok }) => ok,
          () => false
        ));
        attempt++
      ) { await sleep(50) }
      return { child, url }
    }

    const first = await startServer()
    receiver.verifyWith((await addEndpoint(sql, receiver.url)).secret)
    receiver.behave(() => 'hang')
    const { access_token: token, user } = (await createBrowser(first.url).login('/login/github')).json()
    const [underWay] = await receiver.came(1)
    const { status } = await fetch(`${first.url}/me`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Behind it' })
    })
    t.equal(status, 200)
    first.child.kill('SIGKILL')
    await once(first.child, 'exit')
    // The box of somebody else that the process was about to look into: its job is taken, and nothing was done.
    const deletedUserId = '00000000-0000-7000-8000-000000000001'
    await prisma.$transaction((tx) => recordEvents(tx, [{ type: 'user.deleted', deletedUserId }], {}))
    await sql.query('DELETE FROM graphile_worker._private_jobs')

    receiver.behave(() => 204)
    await sql.query("UPDATE webhook_deliveries SET next_attempt_at = next_attempt_at - interval '1 minute'")
    await startServer()
    await lookForDue(sql)
    const told = await receiver.taken(3)
    t.equal(told.length, 3)
    t.match(
      told.filter(({ data }) => data.userId === user.id),
      [{ type: 'user.created', id: underWay?.id }, { type: 'user.updated' }]
    )
    t.same(receiver.unverified, [])
  }
)
