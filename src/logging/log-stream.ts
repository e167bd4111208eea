import { setTimeout as sleep } from 'node:timers/promises'
import pino from 'pino'

/** Further lines are dropped while so much is unread. */
const MAX_BYTES = 4 * 1024 * 1024
/** How long the end waits for the reader. */
const END_MS = 1_000

export interface LogStream {
  write: (line: string) => void
  /** Resolves when all is written, or after a second. */
  end: () => Promise<void>
}

/**
 * Standard output that a reader which hangs cannot block: it delays no request, does not fill the memory, and does not
 * keep the process from ending.
 */
export function createLogStream (): LogStream {
  let isEnding = false
  const stream = pino.destination({ dest: 1, sync: false, maxLength: MAX_BYTES, retryEAGAIN: () => !isEnding })
  stream.on('error', () => {})
  return {
    write: (line) => { stream.write(line) },
    async end () {
      const closed = new Promise((resolve) => stream.once('close', resolve))
      stream.end()
      await Promise.race([closed, sleep(END_MS)])
      isEnding = true
      stream.destroy()
    }
  }
}
