import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

/** Why there can be no Redis here; false when there can. */
export const withoutRedis = ['redis-server', 'valkey-server'].some(isInstalled)
  ? false
  : 'neither redis-server nor valkey-server is installed here (Debian: apt-get install redis-server)'

function isInstalled (command: string): boolean {
  return spawnSync(command, ['--version']).status === 0
}

/** A real Redis that keeps nothing, on a port of its own; it can be ended, frozen and started again. */
export async function startRedis (t: Pick<Test, 'teardown'>, port: number) {
  const command = isInstalled('redis-server') ? 'redis-server' : 'valkey-server'
  let child: ChildProcess

  async function start (): Promise<void> {
    child = spawn(command, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'], {
      stdio: 'ignore'
    })
    for (let attempt = 0; attempt < 200; attempt++) {
      if (child.exitCode !== null) throw new Error(`${command} has ended with ${child.exitCode}`)
      if (await answers(port)) return
      await sleep(25)
    }
    throw new Error(`${command} does not listen at ${port}`)
  }

  async function kill (): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }

  await start()
  t.teardown(kill)
  return { start, kill, freeze: () => child.kill('SIGSTOP'), thaw: () => child.kill('SIGCONT') }
}

async function answers (port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1')
    socket.on('connect', () => socket.write('PING\r\n'))
    socket.on('data', (answer) => {
      resolve(answer.toString().startsWith('+PONG'))
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
  })
}
