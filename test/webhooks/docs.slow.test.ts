import { spawn } from 'node:child_process'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { administration } from '../flows/admin/world.ts'
import { freePort } from '../free-port.ts'

t.test('the receiver of docs/webhooks.md, as it stands there, takes what comes, once, and nothing else', async (t) => {
  const { ask, call, octocat } = await administration(t)
  const [, receiver = ''] =
    /```js\n(import[\s\S]+?)```/.exec(await readFile(join(packageRoot, 'docs/webhooks.md'), 'utf8')) ?? []
  const file = join(packageRoot, `.webhook-receiver-${process.pid}.mjs`)
  await writeFile(file, receiver)
  t.teardown(() => rm(file))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  const { id, secret } = (await ask('POST', '/admin/webhooks', { url, types: ['user.updated'] })).body
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, PORT: String(port), WEBHOOK_SECRET: secret },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => child.kill())
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const answers = () =>
    fetch(url, { method: 'POST', body: '{}' }).then(
      ({ status }) => status,
      () => 0
    )
  for (let attempt = 0; attempt < 200 && (await answers()) === 0; attempt++) await sleep(20)
  t.equal(await answers(), 401, 'not signed')

  await call('PATCH', '/me', octocat.access_token, { body: { name: 'Octo' } })
  const delivered = async () => (await ask('GET', `/admin/webhooks/${id}/deliveries`)).body.items[0]
  for (let attempt = 0; attempt < 200 && (await delivered()).status !== 'delivered'; attempt++) await sleep(20)
  t.equal(output, `user.updated ${octocat.user.id}\n`)
  await ask('POST', `/admin/webhooks/${id}/deliveries/${(await delivered()).id}/replay`)
  for (let attempt = 0; attempt < 200 && (await delivered()).status !== 'delivered'; attempt++) await sleep(20)
  t.equal(output, `user.updated ${octocat.user.id}\n`, 'and it knows a message again')
})
