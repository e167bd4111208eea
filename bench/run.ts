/**
 * `npm run bench`: what Signet costs beside its peers. `npm run bench -- scale`: two instances beside one.
 * `npm run bench -- seed`: what it costs with a million users.
 */
import '../src/logging/quiet-debug.ts'
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { packageRoot } from '../src/package-root.ts'

const USAGE = `Usage: npm run bench               beside the limits and the peers
       npm run bench -- scale      two instances beside one
       npm run bench -- seed       with a million users
  --write   into docs/performance.md, .json and .svg
  --quick   few operations, not to be written: to see that it runs`

const { values: { write = false, quick: isQuick = false }, positionals: [name = 'compare'] } = parseArgs({
  strict: false, allowPositionals: true, options: { write: { type: 'boolean' }, quick: { type: 'boolean' } }
}) as { values: { write?: boolean, quick?: boolean }, positionals: string[] }

if (name === 'seed') {
  await import('./seed.ts')
} else if ((name === 'compare' || name === 'scale') && !(isQuick && write)) {
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: packageRoot, stdio: ['ignore', 'ignore', 'inherit'] })
  const { report } = await import('./report/write.ts')
  const measured = name === 'compare'
    ? { compare: await (await import('./compare.ts')).compare({ isQuick }) }
    : { scale: await (await import('./scale.ts')).scale({ isQuick }) }
  await report(measured, write)
  process.exit(0)
} else {
  console.error(USAGE)
  process.exit(2)
}
