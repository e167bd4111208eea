// `npm start` runs what `npm run build` made. It is built here first, unless dist/ was made from the present sources.
// The build itself ends with `--record`, which notes what it was made from.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const note = join(root, 'dist/built-from')

/** Files and folders that the build reads. */
const SOURCES = [
  'src',
  'tools',
  'packages/embedded-postgres',
  'prisma',
  'prisma.config.ts',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
  'package-lock.json'
]

/** The build itself writes Prisma's client. */
const isMade = (file) => file.includes('generated')

function filesIn (path) {
  if (!statSync(join(root, path)).isDirectory()) return [path]
  return readdirSync(join(root, path), { recursive: true, encoding: 'utf8' })
    .filter((file) => !isMade(file) && statSync(join(root, path, file)).isFile())
    .map((file) => join(path, file))
    .sort()
}

/** By content: a checkout, a copy or a container sets times as it likes. */
function hashSources () {
  const hash = createHash('sha256')
  for (const file of SOURCES.filter((path) => existsSync(join(root, path))).flatMap(filesIn)) {
    hash.update(`${file}\0`).update(readFileSync(join(root, file))).update('\0')
  }
  return hash.digest('hex')
}

const sources = hashSources()
const isBuilt = existsSync(join(root, 'dist/server.js')) && existsSync(note) && readFileSync(note, 'utf8') === sources
if (process.argv.includes('--record')) {
  writeFileSync(note, sources)
} else if (!isBuilt) {
  if (!existsSync(join(root, 'node_modules/typescript'))) {
    console.error('dist/ is not built from these sources, and what builds it is not installed: npm ci && npm run build')
    process.exit(1)
  }
  console.log('The sources have changed: building ...')
  const { status } = spawnSync('npm', ['run', 'build', '--silent'], { cwd: root, stdio: 'inherit', shell: true })
  // What was changed meanwhile is not in it.
  if (status === 0) writeFileSync(note, sources)
  process.exit(status ?? 1)
}
