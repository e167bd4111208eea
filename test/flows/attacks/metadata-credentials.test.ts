import t from 'tap'
import type { Profile } from '../../../src/providers/provider.ts'
import { readSettings } from '../../../src/settings.ts'
import { createCreationHook } from '../../../src/sign-in/creation-hook.ts'
import { newSecret } from '../../../src/webhooks/signing.ts'
import { administration } from '../admin/world.ts'

t.test("wanted: the cloud's credentials, by a webhook to its metadata service on a private network", async (t) => {
  const { ask, sql } = await administration(t, { WEBHOOK_ALLOW_PRIVATE_ADDRESSES: 'true' })
  for (const host of [
    '169.254.169.254', '[fd00:ec2::254]', '[fd00:ec2:0::fe]', '[fd20:ce::254]', '[fd00:c1::a9fe:a9fe]',
    '100.100.100.200', '192.0.0.192', '168.63.129.16', '[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]',
    '[2002:a9fe:a9fe::]', '2852039166', 'metadata.google.internal', 'Metadata.Google.Internal.'
  ]) {
    for (const scheme of ['http', 'https']) {
      const url = `${scheme}://${host}/latest/meta-data/`
      const { status, body } = await ask('POST', '/admin/webhooks', { url, types: ['user.created'] })
      t.same([status, body.code], [400, 'validation_failed'], url)
    }
  }
  t.equal((await sql.query('SELECT 1 FROM webhook_endpoints')).rowCount, 0)
})

t.test('wanted: the same, by the hook that is asked before a user is created', async (t) => {
  for (const url of ['http://169.254.169.254/', 'http://[fd00:ec2::254]/', 'http://[::ffff:a9fe:a9fe]/']) {
    const reasons: string[] = []
    const onError = (reason: string) => { reasons.push(reason) }
    const hook = createCreationHook({ url, secret: newSecret(), onFailure: 'deny', onError })
    await t.rejects(hook({ provider: 'acme' } as Profile), { code: 'access_denied' })
    t.same(reasons, ['ADDRESS_REFUSED'], url)
  }
})

t.test('wanted: the same, by the endpoint of a provider in the settings', async (t) => {
  for (const host of ['169.254.169.254', '[fd00:ec2::254]', 'metadata.google.internal']) {
    const settings = { GITHUB_CLIENT_ID: 'x', GITHUB_CLIENT_SECRET: 'y', GITHUB_TOKEN_URL: `http://${host}/token` }
    t.throws(() => readSettings(settings), /GITHUB_TOKEN_URL/, host)
  }
})
