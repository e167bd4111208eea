import { join } from 'node:path'
import { buildSync } from 'esbuild'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'

const MAX_BYTES = 2_000

t.test('packages/browser is smaller than 2 KB, minified, with all that it exports', async (t) => {
  const { outputFiles } = buildSync({
    entryPoints: [join(packageRoot, 'packages/browser/src/index.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    write: false
  })
  const [script] = outputFiles
  t.equal(outputFiles.length, 1)
  t.match(script?.text, /createSignet.*SignetError|SignetError.*createSignet/)
  t.ok(script!.contents.length < MAX_BYTES, `${script!.contents.length} bytes`)
  t.comment(`${script!.contents.length} bytes`)
})
