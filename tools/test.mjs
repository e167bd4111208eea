// `npm test` and its siblings: tap with the files and options that follow, or the fast suite when there are none.
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

// Two processes a core: tests wait for PostgreSQL and for timers about as long as they compute. test/free-port.ts has
// ranges for eight. tap's default leaves one core idle.
process.env.TAP_JOBS ??= String(Math.min(2 * availableParallelism(), 8))

const { status } = spawnSync('tap', process.argv.slice(2), { stdio: 'inherit', shell: process.platform === 'win32' })
process.exit(status ?? 1)
