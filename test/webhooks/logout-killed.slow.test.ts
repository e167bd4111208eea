import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import pg from 'pg'
import t from 'tap'
import { createDatabase as createTestDatabase } from '../database.ts'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { startLogoutReceiver } from '../fakes/logout-receiver.ts'
import { createPkce } from '../fakes/pkce.ts'
import { freePort } from '../free-port.ts'
import { ENCRYPTION_KEYS, readJson } from '../helper.ts'

const REDIRECT_URI = 'https://app.example.com/callback'

t.test('a kill -9 between the end of a session and its delivery loses nothing: another process tells', async (t) => {
  const [database, github, receiver] = [
    await createTestDatabase(), await startFakeGitHub(), await startLogoutReceiver()
  ]
  const sql = new pg.Pool({ connectionString: database.url })
  sql.on('error', () => {})
  t.teardown(async () => {
    await Promise.all([github.close(), receiver.close(), sql.end()])
    await database.giveBack()
  })
  const client = { client_id: 'spa', name: 'The app', redirect_uris: [REDIRECT_URI] }
  const port = await freePort()
  const url = `http://localhost:${port}`
  receiver.trust(url)

  async function startServer () {
    const { PATH = '', HOME = '' } = process.env
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/server.ts'], {
      env: {
        PATH,
        HOME,
        PORT: String(port),
        DATABASE_URL: database.url,
        ENCRYPTION_KEYS,
        CLIENTS: JSON.stringify([{ ...client, backchannel_logout_uri: receiver.url }]),
        ...github.settings
      },
      stdio: 'ignore'
    })
    t.teardown(() => child.kill('SIGKILL'))
    const isReady = () => fetch(`${url}/readyz`).then(({ ok }) => ok, () => false)
    for (let attempt = 0; attempt < 600 && !await isReady(); attempt++) await sleep(50)
    return child
  }

  async function signIn (): Promise<string> {
    const { verifier, challenge } = createPkce()
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: 'spa',
      redirect_uri: REDIRECT_URI,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      provider: 'github'
    })
    const { location = '' } = await createBrowser(url).login(`/oauth2/authorize?${query}`)
    const form = {
      grant_type: 'authorization_code',
      client_id: 'spa',
      redirect_uri: REDIRECT_URI,
      code: new URL(location).searchParams.get('code') ?? '',
      code_verifier: verifier
    }
    const response = await fetch(`${url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form) })
    return (await readJson(response)).access_token
  }
  const logOut = async (token: string) =>
    (await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })).status

  const first = await startServer()
  const tokens = [await signIn(), await signIn()]
  receiver.answer('hang')
  for (const token of tokens) t.equal(await logOut(token), 204)
  await receiver.came(1)
  first.kill('SIGKILL')
  await once(first, 'exit')
  t.equal((await sql.query('SELECT 1 FROM logout_deliveries')).rowCount, 2, 'neither has been delivered')
  // As if the process had died between the two: its jobs are taken, and nothing was done.
  await sql.query('DELETE FROM graphile_worker._private_jobs')

  receiver.answer(200)
  const before = receiver.received.length
  await sql.query("UPDATE logout_deliveries SET next_attempt_at = next_attempt_at - interval '1 minute'")
  await startServer()
  await sql.query("SELECT graphile_worker.add_job('deliver-due-logouts')")
  const told = (await receiver.came(before + 2)).slice(before)
  t.same(told.map(({ claims }) => claims['sid']).sort(), tokens.map((token) => decodeJwt(token)['sid']).sort())
  t.same(receiver.invalid, [])
})
