/**
 * Builds what `npm pack` puts into the tarball of signet-server: dist/ with the plugin, its types and the commands, and
 * the migrations. What esbuild bundles is no dependency of the package; package.json has the rest.
 */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { bundle } from '../../tools/bundling.ts'

const here = import.meta.dirname
const root = join(here, '../..')
const dist = join(here, 'dist')

await rm(dist, { recursive: true, force: true })
const { inputs } = await bundle({
  entryPoints: { index: join(here, 'src/index.ts'), cli: join(root, 'tools/cli.ts') },
  outdir: dist,
  // oidc-provider, of the development identity provider, finds its models by the names of their classes.
  keepNames: true,
  sourcemap: false
})
await writeLicenses(Object.keys(inputs))
for (const name of ['index', 'types']) await writeTypes(name)
const migrations = 'prisma/migrations'
await rm(join(here, migrations), { recursive: true, force: true })
await cp(join(root, migrations), join(here, migrations), { recursive: true })

/** The licenses of the packages that are bundled. */
async function writeLicenses (files: string[]): Promise<void> {
  const folders = files.map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0])
  const texts = [...new Set(folders)].filter((folder) => folder !== undefined).sort().map(async (folder) => {
    const read = (name: string) => readFile(resolve(folder, name), 'utf8')
    const { name, version, license } = JSON.parse(await read('package.json')) as Record<string, string>
    const file = (await readdir(folder)).find((name) => /^licen[cs]e/i.test(name))
    return `${name} ${version} (${license})\n\n${file === undefined ? '' : (await read(file)).trim()}\n`
  })
  await writeFile(join(dist, 'LICENSES.txt'), (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`))
}

/**
 * The declarations of one file. The public types stand by themselves: those of src/ would declare Signet's own
 * decorators for the host's app.
 */
async function writeTypes (name: string): Promise<void> {
  const source = await readFile(join(here, 'src', `${name}.ts`), 'utf8')
  const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.NodeNext }
  const { outputText, diagnostics = [] } = ts.transpileDeclaration(source, { fileName: `${name}.ts`, compilerOptions })
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, ts.createCompilerHost({})))
  await writeFile(join(dist, `${name}.d.ts`), outputText.replaceAll(/(from '\.\/\w+)\.ts'/g, "$1.js'"))
}
