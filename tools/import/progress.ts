import type { Tally } from './report.ts'

const TERMINAL_MS = 500
const LOG_MS = 10_000

/** Shows how far it is: in place on a terminal, in a log a line every ten seconds. */
export function showProgress (tally: Tally, out: NodeJS.WriteStream = process.stderr): { stop: () => void } {
  const startedAt = performance.now()
  const show = () => {
    const seconds = (performance.now() - startedAt) / 1000
    const line = `${tally.progress()}, ${Math.round(tally.read() / seconds)} a second`
    out.write(out.isTTY ? `\r${line}\x1b[K` : `${line}\n`)
  }
  const timer = setInterval(show, out.isTTY ? TERMINAL_MS : LOG_MS)
  return {
    stop () {
      clearInterval(timer)
      if (out.isTTY) out.write('\r\x1b[K')
    }
  }
}
