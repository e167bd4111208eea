import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageRoot } from '../../src/package-root.ts'
import { freePort } from '../free-port.ts'

const run = promisify(execFile)
const MEGABYTE = 1024 * 1024
const MAX_MEGABYTES = 90
const COMMANDS = ['demo', 'serve', 'doctor', 'admin', 'import', 'migrate', 'rekey']

const folder = await mkdtemp(join(tmpdir(), 'signet-server-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))
const project = join(folder, 'project')

/** A program in the project, with the environment of a shell and nothing of ours. */
const inProject = async (program: string, args: string[], environment: Record<string, string> = {}) => {
  const { PATH = '', HOME = '' } = process.env
  return await run(program, args, { cwd: project, env: { PATH, HOME, ...environment }, maxBuffer: 16 * MEGABYTE })
}

t.before(async () => {
  await run('npm', ['pack', '--pack-destination', folder], { cwd: join(packageRoot, 'packages/server') })
  await mkdir(project)
  await inProject('npm', ['init', '-y'])
  const tarball = (await readdir(folder)).find((name) => /^signet-server-\d.*\.tgz$/.test(name)) ?? ''
  await inProject('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(folder, tarball)])
})

t.test('npx signet demo ends with 0, from the tarball alone', { timeout: 300_000 }, async (t) => {
  const { stdout } = await inProject('npx', ['signet', 'demo'])
  t.match(stdout, /All of it worked/)
  t.notOk((await readdir(project)).includes('.data'), 'nothing is left')
})

t.test('each command has help, and an unknown one is refused with the list', async (t) => {
  const { stdout: all } = await inProject('npx', ['signet', '--help'])
  for (const command of COMMANDS) {
    t.match(all, new RegExp(`^  ${command} `, 'm'))
    const { stdout } = await inProject('npx', ['signet', command, '--help'])
    t.match(stdout, new RegExp(`^Usage: npx signet ${command}`))
  }
  const failure = await inProject('npx', ['signet', 'dance']).then(() => undefined, (error) => error)
  t.match(failure, { code: 2, stderr: /There is no command dance[^]*Usage: npx signet/ })
  const usage = await inProject('npx', ['signet', 'admin', 'dance'], { NO_COLOR: '1' }).then(() => {}, (error) => error)
  t.match(usage, { code: 2, stderr: /Usage: npx signet admin/ }, 'it names itself as it was started')
})

t.test('npx signet serve answers at its port, and ends with SIGTERM', { timeout: 120_000 }, async (t) => {
  const { PATH = '', HOME = '' } = process.env
  const port = await freePort()
  const child = spawn(join(project, 'node_modules/.bin/signet'), ['serve'], {
    cwd: project, env: { PATH, HOME, PORT: String(port) }, stdio: ['ignore', 'pipe', 'pipe']
  })
  t.teardown(() => { child.kill('SIGKILL') })
  let output = ''
  child.stdout.on('data', (chunk) => { output += chunk })
  const exit = once(child, 'exit')
  const isReady = () => fetch(`http://localhost:${port}/readyz`).then(({ ok }) => ok, () => false)
  while (child.exitCode === null && !await isReady()) await new Promise((resolve) => setTimeout(resolve, 200))
  t.match(await (await fetch(`http://localhost:${port}/`)).json(), { name: 'signet' })
  t.match(await (await fetch(`http://localhost:${port}/docs`)).text(), 'swagger-ui')
  const refused = await fetch(`http://localhost:${port}/oauth2/authorize?client_id=nobody`)
  t.match(await refused.json(), { detail: /with: npx signet admin clients add\.$/ })
  t.match(output, /No provider is enabled yet.*npx signet demo --serve/)
  child.kill('SIGTERM')
  t.same(await exit, [0, null])
})

t.test('an install is smaller than its limit, and has what package.json names', async (t) => {
  const { stdout } = await inProject('du', ['-sm', 'node_modules'])
  t.ok(parseInt(stdout) <= MAX_MEGABYTES, `${parseInt(stdout)} MB`)
  const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'))
  const ours = await read(join(packageRoot, 'package.json'))
  const { version, engines, dependencies, optionalDependencies } =
    await read(join(project, 'node_modules/signet-server/package.json'))
  t.same([version, engines, optionalDependencies], [ours.version, ours.engines, ours.optionalDependencies])
  t.match(ours.dependencies, dependencies, 'the versions that the tests run with')
})

t.test('a strict project compiles with it, and gets none of Signet\'s own decorators', async (t) => {
  for (const name of ['fastify', '@types/node', 'undici-types']) await link(name)
  const options = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2023']
  const compile = (text: string) => writeFile(join(project, 'app.mts'), text).then(() =>
    inProject(process.execPath, [
      join(packageRoot, 'node_modules/typescript/bin/tsc'), ...options, '--skipLibCheck', 'false', '--types', 'node',
      'app.mts'
    ]))
  const APP = `
    import Fastify from 'fastify'
    import { signet, type User } from 'signet-server'
    declare module 'fastify' { interface FastifyInstance { database: string, requireBearer: number } }
    const app = Fastify()
    await app.register(signet, { prefix: '/auth', settings: process.env })
    app.get('/notes', { onRequest: app.signet.requireRole('admin') }, async (request): Promise<User | undefined> =>
      await app.signet.users.find(app.signet.claims(request).sub))
  `
  await compile(APP).catch(({ stdout }) => t.fail(stdout))
  const mistakes = ['app.limits', 'app.signet.requireRole(1)', "app.register(signet, { prefix: '/auth' })"]
  const { stdout } = await compile([APP, ...mistakes].join('\n')).catch((error) => error)
  t.equal(String(stdout).match(/^app\.mts\(\d+,\d+\): error TS/gm)?.length, mistakes.length, stdout)
})

t.test('a host serves it, prints no statement under DEBUG, and ends by itself', { timeout: 120_000 }, async (t) => {
  await link('fastify')
  await writeFile(join(project, 'host.mjs'), `
    import Fastify from 'fastify'
    import { signet } from 'signet-server'
    const app = Fastify({ pluginTimeout: 60_000 })
    await app.register(signet, { prefix: '/auth', settings: {} })
    app.get('/notes', { onRequest: app.signet.requireBearer }, async () => [])
    await app.listen({ port: 0 })
    const ask = async (path) => (await fetch('http://localhost:' + app.server.address().port + path)).status
    console.log(await ask('/auth/readyz'), await ask('/auth/docs'), await ask('/notes'), process.env.DEBUG)
    await app.close()
  `)
  const { stdout, stderr } = await inProject(process.execPath, ['host.mjs'], { DEBUG: 'prisma:*' })
  t.same([stdout, stderr], ['200 200 401 prisma:*\n', ''])
})

/** A package of ours beside those of the project. */
async function link (name: string): Promise<void> {
  const target = join(project, 'node_modules', name)
  await mkdir(join(target, '..'), { recursive: true })
  await run('ln', ['-sfn', join(packageRoot, 'node_modules', name), target])
}
