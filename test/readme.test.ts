import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { createBrowser } from './fakes/browser.ts'
import { startFakeGitHub } from './fakes/github.ts'
import { withSettings } from '../tools/settings-docs.ts'
import { setup } from './helper.ts'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')

t.test('the curl lines of the README work as they stand, against a running Signet', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(() => github.close())
  const { url } = await setup(t, github.settings)
  const { access_token: ACCESS_TOKEN, refresh_token: REFRESH_TOKEN } = (
    await createBrowser(url).login('/login/github')
  ).json()
  const lines = readme.split('\n').filter((line) => line.startsWith('curl '))
  const statuses = []
  for (const line of lines) {
    const curl = line.replaceAll('http://localhost:3000', url)
    const command = `${curl} --silent --show-error --output /dev/null --write-out '%{http_code}'`
    const { stdout } = await promisify(execFile)('bash', ['-c', command], {
      env: { ...process.env, ACCESS_TOKEN, REFRESH_TOKEN }
    })
    statuses.push(stdout)
  }
  t.same(statuses, ['200', '200', '200', '200', '204'])
})

t.test('every npm script and file that the README and CONTRIBUTING name is there', async (t) => {
  const { scripts } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
  const contributing = await readFile(new URL('../CONTRIBUTING.md', import.meta.url), 'utf8')
  for (const text of [readme, contributing]) {
    for (const [, name = ''] of text.matchAll(/npm run ([\w:-]+)/g)) t.ok(name in scripts, name)
    // GitHub has the results of CI beside the files.
    for (const [, file = ''] of text.matchAll(/\]\((?!\.\.\/\.\.\/actions\/)([\w./-]+)\)/g)) {
      await t.resolves(
        readFile(new URL(`../${file}`, import.meta.url)).catch((error) => {
          if (error.code !== 'EISDIR') throw error
        }),
        file
      )
    }
  }
})

t.test('the README has the settings of .env.example (npm run settings-docs)', async (t) => {
  const example = await readFile(new URL('../.env.example', import.meta.url), 'utf8')
  t.equal(readme, withSettings(readme, example))
  for (const [, name] of example.matchAll(/^# ([A-Z][A-Z0-9_]+)=/gm)) {
    if (example.indexOf(`# ${name}=`) > example.indexOf('--- Where it runs')) t.match(readme, `\`${name}\``)
  }
})
