import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import pg from 'pg'
import t from 'tap'
import { rekey } from '../../src/vault/rekey.ts'
import { createSealer } from '../../src/vault/sealing.ts'
import { createDatabase as createPrisma } from '../../src/database/database.ts'
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
  await old.sql.query(`
    INSERT INTO accounts (id, user_id, provider, issuer, subject, email_verified, scope, sealed_tokens)
    SELECT gen_random_uuid(), id, 'acme', 'x', id::text, false, '', 'gone.' || id FROM users WHERE name = 'x'`)
  async function runRekey (keys: string): Promise<{ code: number, stdout: string, stderr: string }> {
    const env = { ...process.env, DATABASE_URL: old.database.url, ENCRYPTION_KEYS: keys }
    const running = promisify(execFile)(process.execPath, ['--import', 'tsx', 'tools/rekey.ts'], { env })
    return await running.then((output) => ({ code: 0, ...output }), (failure) => failure)
  }

  const done = await runRekey(`${second},${first}`)
  t.match(done, { code: 1, stderr: /Put back the key/ })
  t.match(done.stdout, /signing_keys: done, \d sealed anew\.\n/)
  t.match(done.stdout, /accounts: done, 1 sealed anew, 1200 that none of the keys opens/)
  await old.sql.query("DELETE FROM users WHERE name = 'x'")
  const again = await runRekey(`${second},${first}`)
  t.match(again, { code: 0, stdout: /accounts: done, 0 sealed anew\./ }, 'nothing is left to do')
  const { rows } = await old.sql.query(
    'SELECT sealed_tokens AS sealed FROM accounts UNION ALL SELECT sealed_private_key FROM signing_keys')
  t.ok(rows.length >= 2 && rows.every(({ sealed }) => sealed.startsWith('k2.')))

  const { address } = await old.another({ ENCRYPTION_KEYS: second })
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${address}/me/accounts/${user.accounts[0].id}/token`, { method: 'POST', headers })
  t.match(await readJson(response), { accessToken: /^ya29/ }, 'with only the new key')
})

t.test('every sealed column is sealed anew in batches; unreadable values stay and are counted', async (t) => {
  const { url, giveBack } = await createDatabase()
  const sql = new pg.Pool({ connectionString: url, max: 2 })
  const { prisma } = createPrisma(sql)
  t.teardown(async () => {
    await sql.end()
    await giveBack()
  })
  const [old, fresh] = [{ id: 'k1', key: randomBytes(32) }, { id: 'k2', key: randomBytes(32) }]
  const seal = (purpose: string, text: string, row: string) => createSealer([old], purpose).seal(text, row)
  const id = '0190c4d2-7c1a-7e6f-9a3b-000000000001'
  const sealedPrivateKey = seal('signing-key', 'a key', 'kid')
  await prisma.signingKey.create({
    data: { kid: 'kid', alg: 'ES256', status: 'next', publicJwk: {}, sealedPrivateKey }
  })
  const sealedSecret = seal('webhook-secret', 'a secret', id)
  const sealedPreviousSecret = seal('webhook-secret', 'the one before', id)
  await prisma.webhookEndpoint.create({ data: { id, url: 'https://x', types: [], sealedSecret, sealedPreviousSecret } })
  await sql.query('INSERT INTO users (id) SELECT gen_random_uuid() FROM generate_series(1, 502)')
  await sql.query(`INSERT INTO accounts (id, user_id, provider, issuer, subject, email_verified, scope)
    SELECT gen_random_uuid(), id, 'acme', 'x', id::text, false, '' FROM users`)
  const { rows: accounts } = await sql.query<{ id: string }>('SELECT id FROM accounts ORDER BY id')
  const sealed = accounts.map((account) => seal('provider-tokens', 'tokens', account.id))
  await sql.query(`UPDATE accounts SET sealed_tokens = new.sealed
    FROM unnest($1::uuid[], $2::text[]) AS new (id, sealed) WHERE accounts.id = new.id`,
  [accounts.map(({ id }) => id), sealed])
  await sql.query("UPDATE accounts SET sealed_tokens = 'gone.x' WHERE id = $1", [accounts[0]?.id])
  await sql.query('UPDATE accounts SET sealed_tokens = NULL WHERE id = $1', [accounts[1]?.id])

  const lines: string[] = []
  t.same(await rekey(prisma, [fresh, old], (line) => { lines.push(line) }), [
    { table: 'signing_keys', sealedAnew: 1, unreadable: 0 },
    { table: 'accounts', sealedAnew: 500, unreadable: 1 },
    { table: 'accounts', sealedAnew: 0, unreadable: 0 },
    { table: 'webhook_endpoints', sealedAnew: 1, unreadable: 0 },
    { table: 'webhook_endpoints', sealedAnew: 1, unreadable: 0 }
  ])
  t.same(lines, [
    'signing_keys: 1 sealed anew',
    'accounts: 499 sealed anew',
    'accounts: 500 sealed anew',
    'webhook_endpoints: 1 sealed anew',
    'webhook_endpoints: 1 sealed anew'
  ])
  const { rows: [endpoint] } = await sql.query('SELECT * FROM webhook_endpoints')
  const open = (purpose: string, text: string, row: string) => createSealer([fresh], purpose).open(text, row)
  t.equal(open('webhook-secret', endpoint.sealed_secret, id), 'a secret')
  t.equal(open('webhook-secret', endpoint.sealed_previous_secret, id), 'the one before')
  lines.length = 0
  const again = await rekey(prisma, [fresh, old], (line) => { lines.push(line) })
  t.same(lines, ['accounts: 0 sealed anew'])
  t.same(again.map(({ sealedAnew, unreadable }) => [sealedAnew, unreadable]), [[0, 0], [0, 1], [0, 0], [0, 0], [0, 0]])
})
