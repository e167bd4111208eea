import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { World } from './world.ts'

const TIME_LIMIT_MS = 60_000

/** A program beside Signet, ended with the test. `fail` throws with all that it said. */
function start (t: Test, command: string, args: string[], environment: Record<string, string>) {
  const child = spawn(command, args, { env: { ...process.env, ...environment } })
  const ended = new Promise((resolve) => child.once('close', resolve))
  t.teardown(async () => {
    child.kill()
    await ended
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { said += chunk })
  child.once('error', (error) => { said += error.message })
  return {
    child,
    fail (what: string): never { throw new Error(`${command} ${args.join(' ')}: ${what}\n${said}`) }
  }
}

/** Runs a web app that has a client of Signet in it, until it answers at `url`. */
export async function startWebApp (
  t: Test,
  url: string,
  [command, ...args]: [string, ...string[]],
  environment: Record<string, string>
): Promise<void> {
  const { child, fail } = start(t, command, args, environment)
  for (const end = Date.now() + TIME_LIMIT_MS; Date.now() < end; await sleep(50)) {
    const answer = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
    if (answer) return
    if (child.exitCode !== null) fail(`ended with ${child.exitCode}`)
  }
  fail(`does not answer at ${url}`)
}

/**
 * Runs a client at a terminal: it prints its authorization URL, a person signs in, it reads a line with the URL that
 * they come back to, and prints JSON.
 */
export async function runAtTerminal (
  t: Test,
  world: World,
  [command, ...args]: [string, ...string[]],
  environment: Record<string, string>
): Promise<any> {
  const { child, fail } = start(t, command, args, environment)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => (await lines.next()).value ?? fail('has nothing more to say')
  child.stdin.end(`${await world.visit(await next())}\n`)
  return JSON.parse(await next())
}
