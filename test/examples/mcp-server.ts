import { spawn } from 'node:child_process'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { createConsumer } from '../packages/consumer.ts'

/** Starts examples/mcp-server with signet-verify as it is published. Resolves once it listens. */
export async function startMcpServer (t: Test, environment: Record<string, string>): Promise<void> {
  const folder = await createConsumer(t, ['@modelcontextprotocol', 'zod'])
  await cp(join(packageRoot, 'examples/mcp-server/server.js'), join(folder, 'server.js'))
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, ['server.js'], {
    cwd: folder, env: { PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => { child.kill() })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk })
  for (let attempt = 0; !output.includes('Server listening'); attempt++) {
    if (child.exitCode !== null || attempt === 600) throw new Error(`The MCP server did not start: ${output}`)
    await sleep(25)
  }
}
