import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import pg from 'pg'
import t from 'tap'
import { rekey } from '../../src/vault/rekey.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createDatabase } from '../database.ts'
import { createBrowser } from '../fakes/browser.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { readJson, setup } from '../helper.ts'

const [first, second] = ['k1', 'k2'].map((id) => `${id}:${randomBytes(32).toString('base64')}`) as [string, string]

t.test('keys are exchanged while the API serves: the old one first reads along, then is gone', async (t) => {
  const acme = await startFakeOidc()
  t.teardown(() => acme.close())
  const settings = acme.settings('acme')
  const old = await setup(t, { ...settings, ENCRYPTION_KEYS: first })
  const { user, access_token: token } = (await createBrowser(old.url).login('/login/acme')).json()
  await old.sql.query('INSERT INTO users (id, name) SELECT gen_random_uuid(), $1 FROM generate_series(1, 1200)', ['x'])
  await old.sql.query(`INSERT INTO accounts (id, user_id, provider, issuer, subject, email_verified, scope, sealed_tokens)
    SELECT gen_random_uuid(), id, 'acme', 'x', id::text, false, '', 'gone.' || id FROM users WHERE name = 'x'`)
  const runRekey = async (keys: string) => await promisify(execFile)(process.execPath, ['--import', 'tsx', 'tools/rekey.ts'], {
    env: { ...process.env, DATABASE_URL: old.database.url, ENCRYPTION_KEYS: keys }
  }).then(({ stdout }) => ({ status: 0, stdout, stderr: '' }), ({ code, stdout, stderr }) => ({ status: code as number, stdout, stderr }))

  const done = await runRekey(`${second},${first}`)
  t.match(done, { status: 1, stderr: /Put back the key/ })
  t.match(done.stdout, /signing_keys: done, \d sealed anew\.\naccounts: done, 1 sealed anew, 1200 that none of the keys opens/)
  await old.sql.query("DELETE FROM users WHERE name = 'x'")
  t.match(await runRekey(`${second},${first}`), { status: 0, stdout: /accounts: done, 0 sealed anew\./ }, 'a second time there is nothing to do')
  const { rows } = await old.sql.query('SELECT sealed_tokens AS sealed FROM accounts UNION ALL SELECT sealed_private_key FROM signing_keys')
  t.ok(rows.length >= 2 && rows.every(({ sealed }) => sealed.startsWith('k2.')))

  const { address } = await old.another({ ENCRYPTION_KEYS: second })
  const response = await fetch(`${address}/me/accounts/${user.accounts[0].id}/token`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  t.match(await readJson(response), { accessToken: /^ya29/ }, 'an instance that has only the new key verifies the token and opens the vault')
})

t.test('what each column holds is sealed anew for its row, batch by batch; what cannot be read stays and is counted', async (t) => {
  const { url, drop } = await createDatabase()
  const sql = new pg.Pool({ connectionString: url, max: 2 })
  t.teardown(async () => {
    await sql.end()
    await drop()
  })
  const [old, fresh] = [{ id: 'k1', key: randomBytes(32) }, { id: 'k2', key: randomBytes(32) }]
  const seal = (purpose: string, text: string, row: string) => createSealer([old], purpose).seal(text, row)
  const id = '0190c4d2-7c1a-7e6f-9a3b-000000000001'
  await sql.query("INSERT INTO signing_keys (kid, alg, status, public_jwk, sealed_private_key) VALUES ('kid', 'ES256', 'next', '{}', $1)", [seal('signing-key', 'a key', 'kid')])
  await sql.query("INSERT INTO webhook_endpoints (id, url, types, sealed_secret, sealed_previous_secret) VALUES ($1, 'https://x', '{}', $2, $3)",
    [id, seal('webhook-secret', 'a secret', id), seal('webhook-secret', 'the one before', id)])
  await sql.query('INSERT INTO users (id) SELECT gen_random_uuid() FROM generate_series(1, 502)')
  await sql.query(`INSERT INTO accounts (id, user_id, provider, issuer, subject, email_verified, scope)
    SELECT gen_random_uuid(), id, 'acme', 'x', id::text, false, '' FROM users`)
  const { rows: accounts } = await sql.query<{ id: string }>('SELECT id FROM accounts ORDER BY id')
  const sealed = accounts.map((account) => seal('provider-tokens', 'tokens', account.id))
  await sql.query('UPDATE accounts SET sealed_tokens = new.sealed FROM unnest($1::uuid[], $2::text[]) AS new (id, sealed) WHERE accounts.id = new.id', [accounts.map(({ id }) => id), sealed])
  await sql.query("UPDATE accounts SET sealed_tokens = 'gone.x' WHERE id = $1", [accounts[0]?.id])
  await sql.query('UPDATE accounts SET sealed_tokens = NULL WHERE id = $1', [accounts[1]?.id])

  const lines: string[] = []
  t.same(await rekey(sql, [fresh, old], (line) => { lines.push(line) }), [
    { table: 'signing_keys', sealedAnew: 1, unreadable: 0 },
    { table: 'accounts', sealedAnew: 500, unreadable: 1 },
    { table: 'accounts', sealedAnew: 0, unreadable: 0 },
    { table: 'webhook_endpoints', sealedAnew: 1, unreadable: 0 },
    { table: 'webhook_endpoints', sealedAnew: 1, unreadable: 0 }
  ])
  t.same(lines, [
    'signing_keys: 1 sealed anew', 'accounts: 499 sealed anew', 'accounts: 500 sealed anew', 'webhook_endpoints: 1 sealed anew', 'webhook_endpoints: 1 sealed anew'
  ])
  const { rows: [endpoint] } = await sql.query('SELECT * FROM webhook_endpoints')
  const open = (purpose: string, text: string, row: string) => createSealer([fresh], purpose).open(text, row)
  t.equal(open('webhook-secret', endpoint.sealed_secret, id), 'a secret')
  t.equal(open('webhook-secret', endpoint.sealed_previous_secret, id), 'the one before')
  lines.length = 0
  const again = await rekey(sql, [fresh, old], (line) => { lines.push(line) })
  t.same(lines, ['accounts: 0 sealed anew'])
  t.same(again.map(({ sealedAnew, unreadable }) => [sealedAnew, unreadable]), [[0, 0], [0, 1], [0, 0], [0, 0], [0, 0]])
})
