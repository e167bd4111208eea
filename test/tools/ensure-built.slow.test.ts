import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'

/** A small package whose `npm start` is Signet's, with a build that copies a file. */
async function startPackage () {
  const folder = await mkdtemp(join(tmpdir(), 'signet-built-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const path of ['src/deep', 'tools', 'node_modules/typescript']) {
    await mkdir(join(folder, path), { recursive: true })
  }
  await copyFile(join(packageRoot, 'tools/ensure-built.mjs'), join(folder, 'tools/ensure-built.mjs'))
  const { scripts } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'))
  const build = scripts.build.split(' && ').at(-1)
  await writeFile(join(folder, 'package.json'), JSON.stringify({
    private: true,
    type: 'module',
    scripts: { ...scripts, build: `mkdir -p dist && cat src/*.js src/deep/*.js > dist/server.js && ${build}` }
  }))
  const write = (path: string, text: string) => writeFile(join(folder, path), text)
  const npm = async (...args: string[]) =>
    await promisify(execFile)('npm', [...args, '--silent'], { cwd: folder }).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }) => String(stdout) + stderr
    )
  return { folder, write, npm }
}

t.test('npm start never runs an old build, and builds only when the sources have changed', async (t) => {
  const { folder, write, npm } = await startPackage()
  await write('src/server.js', 'console.log("one")\n')
  await write('src/deep/more.js', 'console.log("deep one")\n')
  t.equal(await npm('start'), 'The sources have changed: building ...\none\ndeep one\n')
  t.equal(await npm('start'), 'one\ndeep one\n')
  await write('src/deep/more.js', 'console.log("deep two")\n')
  // As a copy or an archive may set it: older than the build.
  await utimes(join(folder, 'src/deep/more.js'), new Date(0), new Date(0))
  t.equal(await npm('start'), 'The sources have changed: building ...\none\ndeep two\n')
  await rm(join(folder, 'src/deep/more.js'))
  await write('src/deep/other.js', '')
  await npm('run', 'build')
  t.equal(await npm('start'), 'one\n', 'npm run build counts')

  await write('src/server.js', 'console.log("three")\n')
  await rm(join(folder, 'node_modules/typescript'), { recursive: true })
  t.match(await npm('start'), /^dist\/ is not built from these sources, .*npm ci && npm run build\n$/)
})
