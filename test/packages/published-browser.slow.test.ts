import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'

const run = promisify(execFile)
const COMPILER = join(packageRoot, 'node_modules/typescript/bin/tsc')

t.test('npm installs what npm pack makes, alone, and the program of its README compiles with its types', async (t) => {
  const project = await mkdtemp(join(tmpdir(), 'signet-browser-'))
  t.teardown(() => rm(project, { recursive: true, force: true }))
  const pack = ['pack', './packages/browser', '--pack-destination', project]
  const { stdout } = await run('npm', pack, { cwd: packageRoot })
  const tarball = stdout.trim().split('\n').at(-1) ?? ''
  t.match(tarball, /^signet-browser-\d+\.\d+\.\d+\.tgz$/)
  await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(project, tarball)], { cwd: project })
  const modules = join(project, 'node_modules')
  t.same((await readdir(modules)).filter((name) => !name.startsWith('.')), ['signet-browser'])
  t.same((await readdir(join(modules, 'signet-browser/dist'))).sort(), ['index.d.ts', 'index.js'])

  const readme = await readFile(join(packageRoot, 'packages/browser/README.md'), 'utf8')
  const [, program = ''] = /```ts\n([^]*?)```/.exec(readme) ?? []
  const compile = async (name: string, text: string) => {
    await writeFile(join(project, name), text)
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022']
    const compiled = run(process.execPath, [COMPILER, ...options, name], { cwd: project })
    return await compiled.then(() => '', ({ stdout }) => stdout)
  }
  t.equal(await compile('readme.ts', program), '')
  t.match(await compile('mistake.ts', "import { createSignet } from 'signet-browser'\n" +
    "export const token: string = await createSignet({ url: 'x' }).accessToken()"), /TS2322/, 'it may be undefined')
})
