/** `npm run bench`: what Signet costs beside its peers. `npm run bench -- seed`: what it costs with a million users. */
import '../src/quiet-debug.ts'

const BENCHES: Record<string, () => Promise<unknown>> = { compare: () => import('./compare.ts'), seed: () => import('./seed.ts') }

const name = process.argv[2] ?? 'compare'
if (!Object.hasOwn(BENCHES, name)) {
  console.error('Usage: npm run bench            beside the limits and the peers\n       npm run bench -- seed    with a million users')
  process.exit(2)
}
await BENCHES[name]?.()
