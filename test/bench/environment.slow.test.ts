import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

const script = new URL('endless-bench.ts', import.meta.url).pathname

// To a process group, as a terminal does on Ctrl-C. Of SIGKILL the bench itself learns nothing.
for (const signal of ['SIGKILL', 'SIGINT'] as const) {
  t.test(`${signal} leaves no PostgreSQL, no server and no folder behind`, async (t) => {
    const bench = spawn(process.execPath, ['--import=tsx', script], {
      detached: true, stdio: ['ignore', 'pipe', 'inherit']
    })
    const kill = (how: NodeJS.Signals) => process.kill(-(bench.pid as number), how)
    t.teardown(() => { if (isAlive(bench.pid as number)) kill('SIGKILL') })
    const { folder, pid } = await readLine(bench.stdout)
    const postmaster = Number((await readFile(join(folder, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0])
    t.ok(isAlive(pid) && isAlive(postmaster), 'both run')
    kill(signal)
    for (let attempt = 0; attempt < 200 && existsSync(folder); attempt++) await sleep(100)
    t.notOk(existsSync(folder), 'the folder')
    t.notOk(isAlive(pid), 'the server')
    t.notOk(isAlive(postmaster), 'PostgreSQL')
  })
}

/** The first line that is JSON. */
async function readLine (output: NodeJS.ReadableStream): Promise<{ folder: string, pid: number }> {
  for await (const line of createInterface({ input: output })) if (line.startsWith('{')) return JSON.parse(line)
  throw new Error('The bench ended too early.')
}

function isAlive (pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
