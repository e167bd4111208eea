import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import t from 'tap'
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
  const rekey = async (keys: string) => await promisify(execFile)(process.execPath, ['--import', 'tsx', 'tools/rekey.ts'], {
    env: { ...process.env, DATABASE_URL: old.database.url, ENCRYPTION_KEYS: keys }
  }).then(({ stdout }) => ({ status: 0, stdout, stderr: '' }), ({ code, stdout, stderr }) => ({ status: code as number, stdout, stderr }))

  const done = await rekey(`${second},${first}`)
  t.match(done, { status: 1, stderr: /Put back the key/ })
  t.match(done.stdout, /signing_keys: done, \d sealed anew\.\naccounts: done, 1 sealed anew, 1200 that none of the keys opens/)
  await old.sql.query("DELETE FROM users WHERE name = 'x'")
  t.match(await rekey(`${second},${first}`), { status: 0, stdout: /accounts: done, 0 sealed anew\./ }, 'a second time there is nothing to do')
  const { rows } = await old.sql.query('SELECT sealed_tokens AS sealed FROM accounts UNION ALL SELECT sealed_private_key FROM signing_keys')
  t.ok(rows.length >= 2 && rows.every(({ sealed }) => sealed.startsWith('k2.')))

  const { address } = await old.another({ ENCRYPTION_KEYS: second })
  const response = await fetch(`${address}/me/accounts/${user.accounts[0].id}/token`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  t.match(await readJson(response), { accessToken: /^ya29/ }, 'an instance that has only the new key verifies the token and opens the vault')
})
