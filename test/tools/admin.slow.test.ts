import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { build } from '../built-server.ts'
import { createBrowser } from '../fakes/browser.ts'
import { signedIn } from '../flows/signed-in.ts'
import { ENCRYPTION_KEYS, readJson } from '../helper.ts'
import { readSettings } from '../../src/settings.ts'
import { addClient, listClients, removeClient } from '../../tools/admin/clients.ts'
import type { Command } from '../../tools/admin/command.ts'
import { rotateKeys } from '../../tools/admin/keys.ts'
import { disableUser, enableUser, grantAdmin, listAdmins, listUsers, revokeAdmin } from '../../tools/admin/users.ts'

/** A running Signet, and the commands on its database: `run` in this process, `npmRunAdmin` as an operator has them. */
async function world (t: Test) {
  const signet = await signedIn(t)
  const env = {
    DATABASE_URL: signet.database.url,
    ENCRYPTION_KEYS,
    CLIENTS: JSON.stringify([{ client_id: 'configured', name: 'Of the settings', redirect_uris: ['https://c.example/'] }]),
    RESOURCES: JSON.stringify([{ resource: 'https://api.example.com', name: 'API', scopes: [] }])
  }
  const settings = readSettings(env) as Parameters<Command>[1]['settings']
  async function run (command: Command, ...args: string[]): Promise<string> {
    const lines: string[] = []
    await command(args, { database: signet.app.database, settings, say: (line) => lines.push(line) })
    return lines.join('\n')
  }
  const runNode = async (nodeArguments: string[], more: Record<string, string> = {}) =>
    await promisify(execFile)(process.execPath, nodeArguments, { env: { ...process.env, ...env, ...more } }).then(
      ({ stdout }) => ({ status: 0, stdout, stderr: '' }),
      ({ code, stdout, stderr }) => ({ status: code, stdout, stderr })
    )
  const npmRunAdmin = (...args: string[]) => runNode(['--import', 'tsx', 'tools/admin.ts', ...args])
  return { ...signet, run, runNode, npmRunAdmin }
}

t.test('a client that the command added signs people in, on the running instance', async (t) => {
  const { url, sql, run } = await world(t)
  const added = await run(
    addClient,
    '--name',
    'My app',
    '--redirect-uri',
    'https://my.example.com/callback',
    '--confidential'
  )
  const [, clientId = '', secret = ''] = /client_id +(\S+)\nclient_secret +(\S+)/.exec(added) ?? []
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
  const code =
    new URL((await createBrowser(url).login(`/oauth2/authorize?${query}`)).location ?? '').searchParams.get('code') ??
    ''
  const exchange = async (headers: Record<string, string>) =>
    await fetch(`${url}/oauth2/token`, {
      method: 'POST',
      headers,
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: 'https://my.example.com/callback',
        client_id: clientId,
        code_verifier: codeVerifier
      })
    })
  t.equal((await readJson(await exchange({}))).error, 'invalid_client')
  t.equal((await exchange({ authorization })).status, 200)

  t.equal(
    (await fetch(`${url}/me`, { headers: { origin: 'https://my.example.com' } })).headers.get(
      'access-control-allow-origin'
    ),
    'https://my.example.com'
  )
  t.notOk(
    (await sql.query('SELECT clients::text AS row FROM clients')).rows[0].row.includes(secret),
    'only the hash of the secret is kept'
  )
  t.match(await run(listClients), `${clientId}  confidential  My app`)

  await run(removeClient, clientId)
  t.equal((await createBrowser(url).get(`/oauth2/authorize?${query}`)).status, 400)
  t.equal(
    (await fetch(`${url}/me`, { headers: { origin: 'https://my.example.com' } })).headers.get(
      'access-control-allow-origin'
    ),
    null
  )
  await t.rejects(run(removeClient, clientId), /There is no client/)
})

t.test('a public client has no secret, and mistakes are named', async (t) => {
  const { run, sql } = await world(t)
  t.notMatch(await run(addClient, '--name', 'App', '--redirect-uri', 'com.example.app:/callback'), 'secret')
  for (const [command, ...args] of [
    [addClient],
    [addClient, '--name', 'x'],
    [removeClient],
    [addClient, '--nonsense'],
    [grantAdmin],
    [disableUser, 'nobody']
  ] as const) {
    await t.rejects(run(command, ...args), { name: 'UsageError' }, args.join(' '))
  }
  for (const uri of ['/callback', 'https://my.example.com/#top', 'not a uri']) {
    await t.rejects(run(addClient, '--name', 'x', '--redirect-uri', uri), /absolute URI without a fragment/, uri)
  }
  t.equal((await sql.query('SELECT 1 FROM clients')).rowCount, 1)
})

t.test('a client gets the id that was asked for, once, and further members as in CLIENTS', async (t) => {
  const { run, sql } = await world(t)
  const members = JSON.stringify({
    grant_types: ['authorization_code', 'client_credentials'],
    resource: 'https://api.example.com',
    require_pkce: false,
    id_token_signed_response_alg: 'RS256',
    backchannel_logout_uri: 'http://app.example.com/logout'
  })
  const uri = ['--redirect-uri', 'https://my.example.com/callback']
  const added = await run(addClient, '--id', 'my-app', '--name', 'My app', ...uri, '--confidential', '--json', members)
  t.match(added, /^client_id +my-app\nclient_secret +\S+\n.*\nWarning: http:\/\/app\.example\.com\/logout is http/)
  t.match((await sql.query('SELECT client_id, metadata FROM clients')).rows, [{
    client_id: 'my-app',
    metadata: {
      grantTypes: ['authorization_code', 'client_credentials'],
      resource: 'https://api.example.com',
      requirePkce: false,
      idTokenSignedResponseAlg: 'RS256'
    }
  }])
  for (const id of ['my-app', 'configured', 'signet']) {
    await t.rejects(run(addClient, '--id', id, '--name', 'x', ...uri), new RegExp(`a client "${id}" already`), id)
  }
  const add = (json: string, ...args: string[]) => run(addClient, '--name', 'x', ...uri, '--json', json, ...args)
  await t.rejects(add('{'), /--json must be a JSON object/)
  await t.rejects(add('{"client_secret":"x"}'), /add --confidential/)
  await t.rejects(add('{"require_pcke":false}'), /require_pcke is no member of CLIENTS/)
  await t.rejects(add('{"require_pkce":false}'), /needs PKCE/)
  await t.rejects(add('{"resource":"https://other.example"}'), /not in RESOURCES/)
  await t.rejects(add('{}', '--id', 'a b'), /no spaces/)
  await t.rejects(run(addClient, '--name', 'x', '--redirect-uri', 'http://my.example.com/'), /https, http of a loopback/)
  const machine = '{"grant_types":["client_credentials"]}'
  t.match(await run(addClient, '--name', 'Job', '--confidential', '--json', machine), 'client_secret')
})

t.test('lists that are empty say so, and clients of the CLIENTS setting are listed', async (t) => {
  const { run, login } = await world(t)
  t.match(await run(listAdmins), 'There are no administrators.')
  t.equal(await run(listUsers), 'There are no users.')
  t.equal(await run(listUsers, '--query', 'octo'), 'No user has "octo" in the name or email.')
  t.match(await run(listClients), /^configured {2}public {2}Of the settings {2}\(of the CLIENTS setting\)\n {2}https:/)
  const { user } = await login('github')
  await login('acme')
  t.equal(await run(listUsers, '--query', 'octo'), `${user.id}  octocat@github.com  The Octocat`)
  await run(grantAdmin, 'octocat@github.com')
  t.match((await run(listUsers)).split('\n'), [/jane@example\.com/, /octocat@github\.com {2}The Octocat {2}admin$/])
})

t.test('all clients are listed, however many', async (t) => {
  const { run, sql } = await world(t)
  await sql.query(
    `INSERT INTO clients (client_id, name, redirect_uris)
    SELECT gen_random_uuid()::text, 'Client ' || n, '{https://x.example/}' FROM generate_series(1, 250) n`
  )
  t.equal(new Set((await run(listClients)).match(/Client \d+/g)).size, 250)
})

t.test('an administrator is made and unmade, and the running instance knows at once', async (t) => {
  const { run, login, call, events } = await world(t)
  await t.rejects(run(grantAdmin, 'octocat@github.com'), /No user has the email address octocat@.*ADMIN_EMAILS/)
  const octocat = await login('github')
  t.equal((await call('GET', '/admin/keys', octocat.access_token)).status, 403)
  t.match(await run(grantAdmin, 'OctoCat@GitHub.com'), 'is an administrator')
  t.equal((await call('GET', '/admin/keys', octocat.access_token)).status, 200)
  t.match(await run(listAdmins), `${octocat.user.id}  octocat@github.com  The Octocat`)
  await t.rejects(run(revokeAdmin, 'octocat@github.com'), /last administrator/)
  await t.rejects(run(disableUser, 'octocat@github.com'), /last administrator/)
  await login('acme')
  await run(grantAdmin, 'jane@example.com')
  await run(revokeAdmin, 'octocat@github.com')
  t.equal((await call('GET', '/admin/keys', octocat.access_token)).status, 403)
  await run(disableUser, 'octocat@github.com')
  t.equal((await call('GET', '/me', octocat.access_token)).status, 401)
  await run(enableUser, 'octocat@github.com')
  t.equal((await call('GET', '/me', (await login('github')).access_token)).status, 200)
  t.match(
    await events('user.roles_changed'),
    Array.from({ length: 3 }, () => ({ actorId: null, details: { by: 'command line' } }))
  )
  t.match(await events('user.disabled'), [{ actorId: null, details: { by: 'command line' } }])
})

t.test('keys are rotated, and all sessions go on', async (t) => {
  const { run, login, sql, another, url, call } = await world(t)
  const { access_token: before } = await login()
  const listed = await run(rotateKeys)
  const { rows: [{ kid }] } = await sql.query("SELECT kid FROM signing_keys WHERE status = 'current'")
  t.match(listed, `${kid}  ES256  current`)
  const { address } = await another()
  t.equal(
    (await call('GET', '/me', before, { at: address })).status,
    200,
    'what the old key signed is good at an instance that never signed with it'
  )
  t.match(await (await fetch(`${address}/.well-known/jwks.json`)).text(), kid)
  t.match(await (await fetch(`${url}/.well-known/jwks.json`)).text(), kid, 'it was published before')
})

t.test('the command: its output and its exit code', async (t) => {
  const { npmRunAdmin, login } = await world(t)
  await login('github')
  t.match(await npmRunAdmin('grant', 'octocat@github.com'), {
    status: 0,
    stdout: 'octocat@github.com is an administrator.\n'
  })
  t.match(await npmRunAdmin('grant', 'nobody@example.com'), {
    status: 1,
    stderr: /^No user has the email address nobody@example.com/
  })
  for (const args of [['--help'], ['clients', 'add', '--help']]) {
    t.match(await npmRunAdmin(...args), { status: 0, stdout: /^Usage: npm run admin/, stderr: '' }, args.join(' '))
  }
  for (const args of [['toString'], ['clients', 'add']]) {
    t.match(await npmRunAdmin(...args), { status: 2, stderr: /Usage: npm run admin/ }, args.join(' '))
  }
})

t.test('the command of the image: built, and with the settings of production', async (t) => {
  build()
  const { runNode, login } = await world(t)
  await login('github')
  const built = (args: string[]) =>
    runNode(['dist/tools/admin.js', ...args], { NODE_ENV: 'production', ISSUER_URL: 'https://id.example.com' })
  t.match(await built(['grant', 'octocat@github.com']), { status: 0, stdout: /^octocat@github\.com is an admin/ })
  t.match(await built(['--help']), { status: 0, stdout: /^Usage: node dist\/tools\/admin\.js/ })
  const { status, stderr } = await runNode(['dist/tools/admin.js', 'list'], {
    DATABASE_URL: 'postgresql://nobody:canary@127.0.0.1:1/x'
  })
  t.equal(status, 1)
  t.match(stderr, /^The database of DATABASE_URL cannot be used: nothing listens at 127\.0\.0\.1:1 [^\n]*\n$/)
})
