import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Tokens } from './client.ts'

/** What Signet answered, to be compared with what holds later. */
export interface Ledger {
  /** Ends the writing, and asks again for all that was answered. */
  stop: () => Promise<Audit>
}

export interface Audit {
  logins: number
  /** Logins that were answered and whose session is gone. */
  lostLogins: number
  logouts: number
  /** Logouts that were answered and whose tokens work again. */
  undoneLogouts: number
}

const PAUSE_MS = 200

/** Logs people in, and every second one out. What was not answered with success proves nothing. */
export function startLedger (client: Client): Ledger {
  const open: Tokens[] = []
  const ended: Tokens[] = []
  const prefix = `ledger${Math.random().toString(36).slice(2, 8)}-`
  const over = new AbortController()

  async function enter (index: number): Promise<void> {
    const tokens = await client.login(`${prefix}${index}`, { at: index }).catch(() => undefined)
    if (!tokens) return
    if (index % 2 === 0) open.push(tokens)
    else {
      const { status } = await client.call('POST', '/logout', { at: index + 1, token: tokens.access_token })
      if (status >= 200 && status < 300) ended.push(tokens)
    }
  }

  const writing = (async () => {
    for (let index = 0; !over.signal.aborted; index++) {
      await enter(index)
      await sleep(PAUSE_MS)
    }
  })()

  async function count (all: Tokens[], isBroken: (tokens: Tokens, at: number) => Promise<boolean>): Promise<number> {
    let broken = 0
    for (const [at, tokens] of all.entries()) if (await isBroken(tokens, at)) broken++
    return broken
  }

  return {
    async stop () {
      over.abort()
      await writing
      return {
        logins: open.length,
        lostLogins: await count(open, async (tokens, at) =>
          (await client.refresh(tokens.refresh_token, { at })).status !== 200),
        logouts: ended.length,
        undoneLogouts: await count(ended, async (tokens, at) =>
          (await client.refresh(tokens.refresh_token, { at })).status === 200 ||
          (await client.me(tokens.access_token, { at })).status !== 401)
      }
    }
  }
}
