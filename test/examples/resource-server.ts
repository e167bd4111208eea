import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { freePort } from '../free-port.ts'
import { readJson } from '../helper.ts'
import { createConsumer } from '../packages/consumer.ts'

/** examples/resource-server, with the package that it needs as that is published. Returns what starts it. */
export async function installService (t: Test) {
  const folder = await createConsumer(t, ['fastify', '@fastify'])
  await cp(join(packageRoot, 'examples/resource-server/server.js'), join(folder, 'server.js'))
  return (t: Test, environment: Record<string, string>) => startService(t, folder, environment)
}

/** Started as its README says but for npm. */
async function startService (t: Test, folder: string, environment: Record<string, string>) {
  const { PORT: port = String(await freePort()) } = environment
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, ['server.js'], {
    cwd: folder,
    env: { PATH, ...environment, PORT: port },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => {
    child.kill()
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  for (let attempt = 0; !output.includes('Server listening'); attempt++) {
    if (child.exitCode !== null || attempt === 600) throw new Error(`The service did not start: ${output}`)
    await sleep(25)
  }
  const url = `http://localhost:${port}`
  async function get (path: string, authorization?: string) {
    const response = await fetch(url + path, { headers: authorization === undefined ? {} : { authorization } })
    return {
      status: response.status,
      challenge: response.headers.get('www-authenticate'),
      body: await readJson(response)
    }
  }
  const stop = async () => {
    child.kill()
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  return { url, stop, get, withToken: (path: string, token: string) => get(path, `Bearer ${token}`) }
}
