import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import dockerfilelint from 'dockerfilelint'
import t from 'tap'
import { all, copies, execForm, readStages } from './dockerfile.ts'

const root = join(import.meta.dirname, '..', '..')
const dockerfile = await readFile(join(root, 'Dockerfile'), 'utf8')
const stages = readStages(dockerfile)
const stage = (name: string) => stages.find((stage) => stage.name === name)!
const images = [stage('runtime'), stage('dev-idp')]

t.test('the linter has nothing to say', async (t) => {
  // It takes the name of an earlier stage for an image without a tag; tags are looked at below.
  const complaints = dockerfilelint.run(root, dockerfile).filter(({ rule }) => rule !== 'missing_tag')
  t.strictSame(complaints, [])
})

t.test('every image it starts from has an exact version', async (t) => {
  const names = stages.map(({ name }) => name)
  const bases = stages.map(({ base }) => base).filter((base) => !names.includes(base))
  t.not(bases.length, 0)
  for (const base of bases) t.match(base, /:\d+\.\d+\.\d+-\S+/)
  for (const text of stages.flatMap((stage) => all(stage, 'COPY'))) {
    const from = /--from=(\S+)/.exec(text)?.[1]
    t.ok(from === undefined || names.includes(from), `${text} copies from a stage`)
  }
})

t.test('packages come from the lockfile and run no script of their own', async (t) => {
  const commands = stages
    .flatMap((stage) => all(stage, 'RUN'))
    .flatMap((text) => text.replace(/^(--\S+\s+)+/, '').split(/&&|\|\||[;|]/))
    .map((command) => command.trim())
  const installs = commands.filter(
    (command) => /^(npm|npx|pnpm|yarn|corepack)\b/.test(command) && command !== 'npm run build'
  )
  t.equal(installs.length, 2)
  for (const command of installs) t.match(command, /^npm ci --ignore-scripts\b/)
})

t.test('the image that is built by default is the API', async (t) => {
  t.equal(stages.at(-1)?.name, 'runtime')
})

t.test('the API brings production packages only, and no embedded PostgreSQL', async (t) => {
  const [modules, ...more] = copies(stage('runtime')).filter(({ sources }) =>
    sources.some((source) => source.includes('node_modules'))
  )
  t.strictSame(more, [])
  const install = all(stage(modules?.from ?? ''), 'RUN').join()
  t.match(install, '--omit=dev')
  t.match(install, '--omit=optional')
})

t.test('the label of the image has the version of package.json', async (t) => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  t.match(all(stage('runtime'), 'LABEL').join(' '), `org.opencontainers.image.version=${version} `)
})

t.test('the API brings the migrations that its start applies', async (t) => {
  const sources = copies(stage('runtime')).flatMap(({ sources }) => sources)
  for (const source of ['prisma', 'package.json', '/app/dist']) t.ok(sources.includes(source), source)
})

for (const image of images) {
  t.test(`${image.name} runs as somebody who is not root, by number`, async (t) => {
    t.match(all(image, 'USER').at(-1), /^[1-9]\d*(:[1-9]\d*)?$/)
  })

  t.test(`${image.name} starts without a shell, so that SIGTERM reaches Node`, async (t) => {
    t.strictSame(all(image, 'ENTRYPOINT'), [])
    t.strictSame(all(image, 'STOPSIGNAL'), ['SIGTERM'])
    t.equal(all(image, 'CMD').length, 1)
    t.equal(execForm(all(image, 'CMD')[0]!)[0], 'node')
  })

  t.test(`${image.name} starts a file that the build makes`, async (t) => {
    const [, file = ''] = execForm(all(image, 'CMD')[0]!)
    t.match(file, /^dist\/.*\.js$/)
    const source = file.replace(/^dist\//, '').replace(/\.js$/, '.ts')
    t.ok(
      [source, `src/${source}`].some((path) => existsSync(join(root, path))),
      `${file} has a source`
    )
  })
}

for (const [name, port, path] of [
  ['runtime', 'PORT', '/readyz'],
  ['dev-idp', 'DEV_IDP_PORT', '/healthz']
] as const) {
  t.test(`the health check of ${name} follows the status of ${path}`, async (t) => {
    let status = 200
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(status).end()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    const environment = { [port]: String((server.address() as AddressInfo).port) }
    const [command, ...options] = execForm(all(stage(name), 'HEALTHCHECK')[0]!)
    t.equal(command, 'node')
    const check = async () => (await once(spawn(process.execPath, options, { env: environment }), 'exit'))[0]

    t.equal(await check(), 0, 'well')
    status = 503
    t.equal(await check(), 1, 'not ready')
    await new Promise((resolve) => server.close(resolve))
    t.equal(await check(), 1, 'not there')
    t.strictSame(asked, [path, path])
  })
}

t.test('nothing is fetched but base images and packages', async (t) => {
  t.strictSame(
    stages.flatMap((stage) => all(stage, 'ADD')),
    []
  )
  for (const command of stages.flatMap((stage) => all(stage, 'RUN'))) t.notMatch(command, /curl|wget|https?:/)
})

t.test('no secret is written into it or asked for at build time', async (t) => {
  const names = stages.flatMap((stage) => [...all(stage, 'ENV'), ...all(stage, 'ARG')]).join(' ')
  t.notMatch(names, /secret|password|token|key|database_url|redis_url/i)
  t.notMatch(dockerfile, /--mount=type=secret|--build-arg/)
})

t.test('.dockerignore', async (t) => {
  const lines = (await readFile(join(root, '.dockerignore'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

  /** As Docker decides it: the last line that fits. Our lines are `*` and plain paths. */
  function isSent (path: string): boolean {
    const fits = (pattern: string) => pattern === '*' || path === pattern || path.startsWith(`${pattern}/`)
    return lines.findLast((line) => fits(line.replace(/^!/, '')))?.startsWith('!') ?? true
  }

  t.test('is written in the patterns that this test understands', async (t) => {
    for (const line of lines) t.match(line, /^(\*|!?[\w.-]+(\/[\w.-]+)*)$/)
  })

  t.test('lets through all that the Dockerfile copies, and that is there', async (t) => {
    const sources = stages
      .flatMap(copies)
      .filter(({ from }) => from === undefined)
      .flatMap(({ sources }) => sources)
    t.not(sources.length, 0)
    for (const source of sources) t.ok(isSent(source) && existsSync(join(root, source)), source)
  })

  t.test('keeps secrets, history and local builds out', async (t) => {
    const paths = [
      '.env',
      '.env.production',
      '.npmrc',
      '.git/config',
      '.data/encryption-keys',
      'key.pem',
      'node_modules/pg/package.json',
      'dist/src/server.js',
      '.tap/report',
      'coverage/index.html',
      'test/helper.ts',
      'src/database/generated/client.ts',
      'docker-compose.yml',
      'Dockerfile'
    ]
    for (const path of paths) t.notOk(isSent(path), path)
  })
})
