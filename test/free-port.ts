import { createServer } from 'node:net'

/**
 * Below the ephemeral ports of the system (Linux from 32768 on, macOS and Windows from 49152 on), so that no fake and
 * no outgoing connection takes one before it is used; above those that fetch and browsers refuse.
 */
const FIRST = 11_000
const COUNT = 20_000

/** Processes that run at the same time use different parts of the range: each of tap's jobs has a number. */
const PARTS = 8
const SIZE = COUNT / PARTS
const first = FIRST + (Number(process.env['TAP_JOB_ID'] ?? 0) % PARTS) * SIZE
let next = Math.floor(Math.random() * SIZE)

/** A loopback port that is free, never the same one twice: for a server that must know its URL before it starts. */
export async function freePort (): Promise<number> {
  for (let attempt = 0; attempt < SIZE; attempt++) {
    const port = first + next++ % SIZE
    if (await isFree(port)) return port
  }
  throw new Error(`No port is free between ${first} and ${first + SIZE}.`)
}

async function isFree (port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, () => { probe.close(() => resolve(true)) })
  })
}
