import { createServer } from 'node:net'

/**
 * Below the ports that systems give to whoever asks for any (Linux from 32768 on, macOS and Windows from 49152 on), so that
 * no fake and no outgoing connection takes one before it is used; above those that fetch and browsers refuse.
 */
const FIRST = 11_000
const COUNT = 20_000

/** Test files that run at the same time ask in parts of the range of their own: each of tap's jobs has a number. */
const PARTS = 8
const SIZE = COUNT / PARTS
const first = FIRST + (Number(process.env['TAP_JOB_ID'] ?? 0) % PARTS) * SIZE
let next = Math.floor(Math.random() * SIZE)

/** A loopback port that nobody listens on, and that is given once: a server's that must know its URL first, or one of nobody. */
export async function freePort (): Promise<number> {
  for (let attempt = 0; attempt < SIZE; attempt++) {
    const port = first + next++ % SIZE
    if (await isFree(port)) return port
  }
  throw new Error(`No port is free between ${first} and ${first + SIZE}.`)
}

async function isFree (port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const probe = createServer().once('error', () => resolve(false)).listen(port, () => { probe.close(() => resolve(true)) })
  })
}
