// Reads which processes run, one a line: "+1234" has started, "-1234" has ended. When the input ends, stops those that
// are left and the PostgreSQL in the folder that is the argument, and removes the folder. It is a process of its own so
// that it also cleans up when the bench is killed.
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const folder = process.argv[2]
const TIMEOUT_MS = 10_000

const running = new Set()
for await (const line of createInterface({ input: process.stdin })) {
  const pid = Number(line.slice(1))
  if (line.startsWith('+')) running.add(pid)
  else running.delete(pid)
}
await Promise.all([...running].map((pid) => stop(pid, 'SIGTERM')))
const postmaster = await postmasterPid()
// PostgreSQL's fast shutdown, which does not wait for clients.
if (postmaster !== undefined) await stop(postmaster, 'SIGINT')
await rm(folder, { recursive: true, force: true, maxRetries: 5 })

async function stop (pid, signal) {
  const deadline = Date.now() + TIMEOUT_MS
  let isAlive = send(pid, signal)
  while (isAlive && Date.now() < deadline) {
    await sleep(50)
    isAlive = send(pid, 0)
  }
  if (isAlive) send(pid, 'SIGKILL')
}

function send (pid, signal) {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

async function postmasterPid () {
  const lockFile = await readFile(join(folder, 'postgres/postmaster.pid'), 'utf8').catch(() => undefined)
  return lockFile === undefined ? undefined : Number(lockFile.split('\n')[0])
}
