/**
 * The last step of `npm run build`: dist/server.js, the service as one file and what it loads later as chunks beside
 * it. Reading a thousand files was most of a start (docs/adr/0013).
 */
import { join } from 'node:path'
import { packageRoot } from '../src/package-root.ts'
import { bundle } from './bundling.ts'

await bundle({
  entryPoints: { server: join(packageRoot, 'src/server.ts') },
  outdir: join(packageRoot, 'dist'),
  // No file loads with DEBUG set (src/logging/quiet-debug.ts).
  head: 'delete process.env.DEBUG;'
})
