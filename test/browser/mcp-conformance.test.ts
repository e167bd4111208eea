import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { startFakeDocument } from '../fakes/client-document.ts'
import { freePort } from '../free-port.ts'
import { launchChromium } from './chromium.ts'
import { allow, startMcpWorld } from './mcp-world.ts'

const CONFORMANCE = join(packageRoot, 'node_modules/@modelcontextprotocol/conformance/dist/index.js')

/** The suite needs Node 22: the one that runs this, or the one of npm's package `node`. */
function startSuite (options: string[]) {
  const [major = 0] = process.versions.node.split('.').map(Number)
  const command = [CONFORMANCE, 'authorization', ...options]
  return major >= 22
    ? spawn(process.execPath, command)
    : spawn('npx', ['--yes', '--package', 'node@22', 'node', ...command])
}

t.test('the MCP conformance suite for authorization servers passes, without a warning', async (t) => {
  const { url, resource } = await startMcpWorld(t)
  const [port, document] = [await freePort(), await startFakeDocument({ redirect_uris: ['http://127.0.0.1/callback'] })]
  t.teardown(() => document.close())
  const folder = await mkdtemp(join(tmpdir(), 'signet-mcp-conformance-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const client = ['--client-id', document.url, '--port', String(port)]
  const suite = startSuite(['--url', url, '--resource', resource, ...client, '--output-dir', folder])
  const exited = once(suite, 'exit')
  t.teardown(() => { suite.kill() })
  let output = ''
  const page = await (await (await launchChromium(t)).newContext()).newPage()
  const visited = new Promise<void>((resolve, reject) => {
    let isVisiting = false
    const read = (chunk: Buffer) => {
      output += chunk
      const [request] = new RegExp(`^${url}/oauth2/authorize\\?\\S+$`, 'm').exec(output) ?? []
      if (request === undefined || isVisiting) return
      isVisiting = true
      allow(page, request).then(() => resolve(), reject)
    }
    suite.stdout.on('data', read)
    suite.stderr.on('data', read)
    suite.once('exit', () => resolve())
  })
  await visited
  const [status] = await exited
  t.equal(status, 0, output)
  t.same(await readChecks(folder), [
    ['authorization-code-grant', 'SUCCESS'],
    ['authorization-server-metadata', 'SUCCESS'],
    ['authorization-server-metadata-cimd', 'SUCCESS']
  ], 'a warning or a skipped check would not be among the failures')
})

/** What each check of the suite came to. */
async function readChecks (folder: string): Promise<[id: string, status: string][]> {
  const scenarios = await readdir(folder)
  const checks = await Promise.all(scenarios.map(async (scenario) =>
    JSON.parse(await readFile(join(folder, scenario, 'checks.json'), 'utf8')) as { id: string, status: string }[]))
  return checks.flat().map(({ id, status }): [string, string] => [id, status]).sort()
}
