// `npm start` runs what `npm run build` made. On a fresh clone there is nothing yet, so it is built once here.
import { existsSync } from 'node:fs'
import { spawnSync } from 'node:child_process'

if (!existsSync(new URL('../dist/server.js', import.meta.url))) {
  console.log('First start: building ...')
  const build = spawnSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit', shell: true })
  process.exit(build.status ?? 1)
}
