import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { signedIn } from '../flows/signed-in.ts'
import { freePort } from '../free-port.ts'
import { checkTypes, installExample } from './installed.ts'

const run = promisify(execFile)

// To install takes a minute or more where the machine is busy.
const timeout = 600_000
t.setTimeout(timeout)

t.test('the types of a running Signet compile, find a mistake, and what they say is so', { timeout }, async (t) => {
  const folder = await installExample(t, 'typed-client')
  const { url, login } = await signedIn(t)
  const types = join(folder, 'signet.ts')
  const { stdout: written } = await run(process.execPath, ['--import=tsx', 'tools/client-types.ts', url, types])
  t.equal(written, `${types} has the types of ${url}.\n`)
  await checkTypes(folder)

  const { access_token: token } = await login('github')
  const env = { ...process.env, SIGNET_URL: url, ACCESS_TOKEN: token }
  const start = (environment: object) =>
    run(process.execPath, ['--import=tsx', 'main.ts'], { cwd: folder, env: { ...env, ...environment } })
  const { stdout, stderr } = await start({})
  t.same(stdout.split('\n'), [
    'Hello, The Octocat. You came by github.',
    '- curl (this one)',
    'Your language is de.',
    'A session that is not yours: not_found.',
    ''
  ])
  t.equal(stderr, '')
  t.match(await start({ ACCESS_TOKEN: 'x' }).catch((error) => error), { code: 1, stderr: /invalid_token/ })

  await writeFile(join(folder, 'mistake.ts'), `import createClient from 'openapi-fetch'
    import type { paths } from './signet.ts'
    const { data } = await createClient<paths>().GET('/me')
    export const age: string = data!.birthday
    await createClient<paths>().PATCH('/me', { body: { name: 1 } })
    await createClient<paths>().GET('/mee')`)
  const mistakes = await checkTypes(folder).then(() => '', (error: Error) => error.message)
  for (const line of [4, 5, 6]) t.match(mistakes, `mistake.ts(${line},`)
})

t.test('the command says where it failed', async (t) => {
  const fail = (...args: string[]) => run(process.execPath, ['--import=tsx', 'tools/client-types.ts', ...args])
  t.match(await fail(`http://127.0.0.1:${await freePort()}`).catch((error) => error), {
    code: 1, stderr: /^fetch failed: connect ECONNREF/
  })
  const { stdout } = await fail('--help')
  t.match(stdout, /^Usage: npm run client-types/)
})
