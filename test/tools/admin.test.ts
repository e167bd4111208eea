import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeGitHub } from '../fakes/github.ts'
import { readJson, setup } from '../helper.ts'

async function world (t: Test) {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const running = await setup(t, github.settings)
  const admin = async (...args: string[]) => {
    const env = { ...process.env, DATABASE_URL: running.database.url }
    return await promisify(execFile)(process.execPath, ['--import', 'tsx', 'tools/admin.ts', ...args], { env })
      .then(({ stdout }) => ({ status: 0, stdout, stderr: '' }), ({ code, stdout, stderr }) => ({ status: code, stdout, stderr }))
  }
  return { ...running, admin }
}

t.test('a client that the command added signs people in, on the running instance', async (t) => {
  const { url, sql, admin } = await world(t)
  const added = await admin('clients', 'add', '--name', 'My app', '--redirect-uri', 'https://my.example.com/callback', '--confidential')
  const [, clientId = '', secret = ''] = /client_id +(\S+)\nclient_secret +(\S+)/.exec(added.stdout) ?? []
  const authorization = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  const codeVerifier = 'v'.repeat(43)
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: 'https://my.example.com/callback',
    response_type: 'code',
    code_challenge: Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(codeVerifier))).toString('base64url'),
    code_challenge_method: 'S256',
    provider: 'github'
  })
  const code = new URL((await createBrowser(url).login(`/oauth2/authorize?${query}`)).location ?? '').searchParams.get('code') ?? ''
  const exchange = async (headers: Record<string, string>) => await fetch(`${url}/oauth2/token`, {
    method: 'POST',
    headers,
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: 'https://my.example.com/callback', client_id: clientId, code_verifier: codeVerifier })
  })
  t.equal((await readJson(await exchange({}))).error, 'invalid_client')
  t.equal((await exchange({ authorization })).status, 200)

  t.equal((await fetch(`${url}/me`, { headers: { origin: 'https://my.example.com' } })).headers.get('access-control-allow-origin'), 'https://my.example.com')
  t.notOk((await sql.query('SELECT clients::text AS row FROM clients')).rows[0].row.includes(secret), 'only the hash of the secret is kept')
  t.match((await admin('clients', 'list')).stdout, `${clientId}  confidential  My app`)

  t.equal((await admin('clients', 'remove', clientId)).status, 0)
  t.equal((await createBrowser(url).get(`/oauth2/authorize?${query}`)).status, 400)
  t.equal((await fetch(`${url}/me`, { headers: { origin: 'https://my.example.com' } })).headers.get('access-control-allow-origin'), null)
  t.match(await admin('clients', 'remove', clientId), { status: 1, stderr: /There is no client/ })
})

t.test('a public client has no secret, and mistakes are named', async (t) => {
  const { admin, sql } = await world(t)
  t.notMatch((await admin('clients', 'add', '--name', 'App', '--redirect-uri', 'com.example.app:/callback')).stdout, 'secret')
  for (const args of [[], ['clients'], ['clients', 'add'], ['clients', 'add', '--name', 'x'], ['clients', 'remove'], ['clients', 'add', '--nonsense']]) {
    t.match(await admin(...args), { status: 2, stderr: /Usage: npm run admin/ }, args.join(' '))
  }
  for (const uri of ['/callback', 'https://my.example.com/#top', 'not a uri']) {
    t.match(await admin('clients', 'add', '--name', 'x', '--redirect-uri', uri), { status: 1, stderr: /absolute URI without a fragment/ }, uri)
  }
  t.equal((await sql.query('SELECT 1 FROM clients')).rowCount, 1)
})
