import { readFile, readdir } from 'node:fs/promises'
import t from 'tap'
import { Problem } from '../src/http/errors.ts'
import { readSettings } from '../src/settings.ts'
import { setupWithClients } from './flows/setup-with-clients.ts'
import { setup } from './helper.ts'

/** docs/security.md against the tests that it names and the defaults of the code (SEC-110). */

const root = new URL('../', import.meta.url)
const read = (path: string) => readFile(new URL(path, root), 'utf8')
const document = await read('docs/security.md')

/** The text below a heading, up to the next one of any level. */
function chapter (title: string): string {
  const [, text = ''] = document.split(`# ${title}\n`)
  return text.split(/^#/m)[0] ?? ''
}

/** Rows of the table in a chapter, cells as written. */
function table (title: string): string[][] {
  const [, , ...rows] = chapter(title).split('\n').filter((line) => line.startsWith('|'))
  return rows.map((row) => row.split('|').slice(1, -1).map((cell) => cell.trim()))
}

interface Statement {
  number: number
  tests: { file: string, name: string }[]
  /** Of `npm run torture`. */
  faults: string[]
  /** Whether it says what is missing, or why there is nothing to show. */
  hasReason: boolean
}

/** The items of the list below a statement, each as one line; `isNested` below another item. */
function itemsOf (text: string): { isNested: boolean, text: string }[] {
  const list = text.slice(text.indexOf('\n- '))
  return list.split(/\n(?= *- )/).slice(1).map((item) => ({
    isNested: item.startsWith(' '), text: item.trim().replace('- ', '').replaceAll(/\s+/g, ' ')
  }))
}

function readStatement (text: string): Statement {
  const [, number] = /^SEC-(\d+): /.exec(text) ?? []
  const statement: Statement = { number: Number(number), tests: [], faults: [], hasReason: false }
  let file = ''
  for (const { isNested, text: item } of itemsOf(text)) {
    if (isNested) statement.tests.push({ file, name: /^"(.+)"$/.exec(item)?.[1] ?? item })
    file = isNested ? file : /^\[[\w./-]+\]\(\.\.\/(test\/[\w./-]+\.test\.ts)\)$/.exec(item)?.[1] ?? ''
    if (item.startsWith('[Torture]')) statement.faults = item.match(/\b[CFPR]\d+\b/g) ?? []
    if (/^(Not yet|Not shown|Does not apply\b.*?): /.test(item)) statement.hasReason = true
  }
  return statement
}

const statements = document.split(/^#+ /m).filter((text) => text.startsWith('SEC-')).map(readStatement)

/** Names of a file's tests as written: after `test(`, and at the start of a line for tables that tests are made of. */
function namesOf (source: string): string[] {
  const literals = source.matchAll(/(?:\btest\(|^\s*\[?)(['"`])((?:\\.|(?!\1).)+)\1/gm)
  return [...literals].map(([, , name = '']) => name.replaceAll(/\\(.)/g, '$1'))
}

async function filesBelow (folder: string): Promise<string[]> {
  const entries = await readdir(new URL(folder, root), { recursive: true })
  const isOurs = (name: string) => name.endsWith('.ts') && !name.includes('generated')
  return entries.filter(isOurs).map((name) => `${folder}/${name}`)
}

t.test('every statement is there once, with tests that exist, or says why it has none', async (t) => {
  t.same(statements.map(({ number }) => number), Array.from({ length: 114 }, (_, index) => index + 1))
  const reliability = await read('docs/reliability.md')
  const sources = new Map<string, Promise<string[] | undefined>>()
  const namesIn = (file: string) => {
    const names = sources.get(file) ?? read(file).then(namesOf, () => undefined)
    sources.set(file, names)
    return names
  }
  for (const { number, tests, faults, hasReason } of statements) {
    t.ok(tests.length > 0 || faults.length > 0 || hasReason, `SEC-${number} names a test, or says why there is none`)
    for (const { file, name } of tests) {
      const names = await namesIn(file)
      t.ok(names, `SEC-${number}: ${file} exists`)
      t.ok(names?.includes(name), `SEC-${number}: ${file} has the test "${name}"`)
    }
    const unknown = faults.filter((fault) => !reliability.includes(`\n### ${fault}: `))
    t.same(unknown, [], `SEC-${number} names faults of docs/reliability.md`)
  }
})

t.test('every statement that the code or a test names is there', async (t) => {
  const known = new Set(statements.map(({ number }) => number))
  for (const file of [...await filesBelow('src'), ...await filesBelow('test')]) {
    const named = [...(await read(file)).matchAll(/SEC-(\d+)/g)].map(([, number]) => Number(number))
    t.same(named.filter((number) => !known.has(number)), [], file)
  }
})

const SECONDS: Record<string, number> = { second: 1, minute: 60, day: 24 * 60 * 60 }

/** "15 minutes" in seconds; a number without a unit as it is. */
function amount (text: string): number {
  const [, number, unit = ''] = /^(\d+)(?: (second|minute|day)s?)?$/.exec(text) ?? []
  return Number(number) * (SECONDS[unit] ?? 1)
}

t.test('the figures are those of the code', async (t) => {
  const rows = table('Lifetimes and limits')
  const settings = rows.filter(([, , setting = '']) => setting !== '')
  t.ok(settings.length >= 8)
  for (const [what, figure = '', setting = ''] of settings) {
    const [, name = '', , limit] = /^`([A-Z_]+)`(, at most (.+))?$/.exec(setting) ?? []
    const isUnset = figure === 'no limit'
    const values = isUnset ? {} : { [name]: String(amount(figure)) }
    t.same(readSettings(values), readSettings({}), `${what}: ${figure} is the default of ${name}`)
    t.not(JSON.stringify(readSettings({ [name]: '7' })), JSON.stringify(readSettings({})), `${name} is a setting`)
    if (limit === undefined) continue
    t.ok(readSettings({ [name]: String(amount(limit)) }), `${name} may be ${limit}`)
    t.throws(() => readSettings({ [name]: String(amount(limit) + 1) }), { message: name }, `${name} may not be more`)
  }

  const { url, sql, authorize, ask, post } = await setupWithClients(t)
  /** Seconds that are left of a row that was just written, rounded to ten. */
  async function lifetime (name: string): Promise<number> {
    const { rows: [row] } = await sql.query(`SELECT extract(epoch FROM expires_at - now()) AS left FROM ${name}`)
    return Math.round(row.left / 10) * 10
  }
  const header = ({ headers }: Response, name: string) => headers.get(name) ?? ''
  const seconds = (text: string) => Number(/max-age=(\d+)/i.exec(text)?.[1])
  await authorize()
  await authorize({ intent: 'link' })
  const found: Record<string, () => number | Promise<number>> = {
    'login, from its start to the callback': async () => seconds(header(await ask(), 'set-cookie')),
    'authorization code': () => lifetime('authorization_codes'),
    'code for linking an account': () => lifetime('link_codes'),
    'device code': async () => (await post('/oauth2/device_authorization', { client_id: 'signet' })).body.expires_in,
    'key set, in caches': async () => seconds(header(await fetch(`${url}/.well-known/jwks.json`), 'cache-control'))
  }
  const others = rows.filter(([, , setting]) => setting === '')
  t.same(others.map(([what]) => what), Object.keys(found))
  for (const [what = '', figure = ''] of others) t.equal(await found[what]?.(), amount(figure), what)
})

t.test('the rate limits are those of the code', async (t) => {
  const { app } = await setup(t, { RATE_LIMITS: 'on' })
  const rows = table('Rate limits')
  const figures: Record<string, [number, number]> = {}
  for (const [, figure = '', , name = ''] of rows) {
    figures[name.replaceAll('`', '')] = [Number.parseInt(figure), figure.endsWith(' an hour') ? 3600 : 60]
  }
  t.same(Object.keys(figures).sort(), Object.keys(app.limits).sort())
  for (const [name, [figure, seconds]] of Object.entries(figures)) {
    const limit = app.limits[name as keyof typeof app.limits]
    for (let call = 0; call < figure; call++) await limit.count('somebody')
    const refusal: unknown = await limit.count('somebody').catch((error: unknown) => error)
    t.ok(refusal instanceof Problem, `${name}: call ${figure + 1} is refused`)
    t.match(refusal, { headers: { 'ratelimit-policy': `"${name}";q=${figure};w=${seconds}` } })
  }
})

t.test('the providers whose word on email is believed are those of docs/providers.md', async (t) => {
  const text = chapter('Which email addresses are believed').replaceAll(/\s+/g, ' ')
  const listed = (pattern: RegExp) => (pattern.exec(text)?.[1] ?? '').split(', ').sort()
  const [, providers = ''] = (await read('docs/providers.md')).split('| provider | believed when |\n')
  const rows = (providers.split('\n\n')[0] ?? '').matchAll(/^\| ([^|]+?) \| (.+) \|$/gm)
  const rules = [...rows].filter(([, name]) => name !== '---')
  t.ok(rules.length > 15)
  const names = (isTrusted: boolean) =>
    rules.filter(([, , rule]) => (rule !== 'never') === isTrusted).map(([, name]) => name).sort()
  t.same(listed(/`?providers\.md#[^)]*\): ([^;]+);/), names(true))
  t.same(listed(/never: ([^.]+)\./), names(false))
})
