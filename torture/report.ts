import { readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../src/package-root.ts'
import { wrapMarkdown } from '../tools/wrap-markdown.ts'
import type { Fault, Result } from './fault.ts'

const verdict = ({ broken, skipped }: Result) =>
  broken.length > 0 ? 'BROKEN' : skipped === undefined ? 'held' : 'skipped'
const figures = ({ figures, skipped }: Result) => [
  ...figures.map(([name, value]) => `${name}: ${value}`),
  ...(skipped === undefined ? [] : [`skipped: ${skipped}`])
]

/** The lines to print when a fault has ended. */
export const lines = (result: Result) => [
  ...figures(result),
  ...result.broken.map((name) => `BROKEN: ${name}`),
  `${verdict(result)}, ${Math.round(result.seconds)} s`
]

/** The closing table, as TAP, with tap's closing comment: `.ci/run --all` adds it to the tests. */
export function printTable (faults: Fault[], results: Result[], seconds: number): void {
  console.log('\n')
  for (const [index, result] of results.entries()) {
    const { title } = faults[index] as Fault
    const outcome = result.broken.length === 0 ? 'ok' : 'not ok'
    const skipped = result.broken.length === 0 && result.skipped !== undefined ? ` # SKIP ${result.skipped}` : ''
    console.log(`${outcome} ${index + 1} - ${result.id} ${title}${skipped}`)
    for (const line of [...figures(result), ...result.broken.map((name) => `BROKEN: ${name}`)]) {
      console.log(`    # ${line}`)
    }
  }
  const count = (kind: string) => results.filter((result) => verdict(result) === kind).length
  console.log(`# ${Math.round(seconds)} s`)
  console.log(
    `# { total: ${results.length}, pass: ${count('held')}, fail: ${count('BROKEN')}, skip: ${count('skipped')} }`
  )
}

const FILE = join(packageRoot, 'docs/reliability.md')

/**
 * docs/reliability.md. After a run of some faults only, the others keep what was written of them, and so does the line
 * about the whole run.
 */
export async function writeDocument (
  all: Fault[],
  results: Result[],
  seconds: number,
  short: boolean
): Promise<void> {
  const isWhole = all.every(({ id }) => results.some((result) => result.id === id))
  const before = isWhole ? '' : await readFile(FILE, 'utf8')
  const written = all.flatMap((fault) => {
    const result = results.find(({ id }) => id === fault.id)
    const kept = result ? undefined : keptOf(before, fault)
    return result ? [{ row: rowOf(fault, result), section: sectionOf(fault, result) }] : kept ? [kept] : []
  })
  const cores = `${cpus().length} cores for everything`
  const environment = [`Node ${process.version}`, cores, `${Math.round(seconds)} seconds`]
  if (short) environment.push('the short form')
  const thisRun = /^This run: .*$/m.exec(before)?.[0] ??
    `This run: ${environment.join(', ')}. Times are those of this machine; the`
  await writeFile(FILE, `# Reliability

What Signet survives, played by \`npm run torture\` and written by it (\`-- --write\`). \`npm run torture -- F2 C1\`
plays some, and \`npm run torture -- failover\` those of [high-availability.md](high-availability.md); with \`--short\`
there are fewer rounds, as each night (\`.ci/run --all\`).

Two instances of the built service, each a process of its own; a PostgreSQL 18 of their own, a Redis where one is
installed, and providers that are real HTTP servers, all on one machine and on loopback. "Under load" is a steady mix of
5 % logins, 25 % refreshes and 70 % \`GET /me\`, 40 requests a second, by 41 people who try again what failed. After
each load every one of them must still be able to refresh with the last token they received; one who cannot counts as
logged out.

${thisRun}
counts of losses must be the same on any.

| | | |
| --- | --- | --- |
${written.map(({ row }) => row).join('\n')}

${written.map(({ section }) => section).join('\n')}`.trimEnd() + '\n')
}

const headingOf = ({ id, title }: Fault) => `${id}: ${title}`
const rowStart = (fault: Fault) => `| [${fault.id}](#${anchor(headingOf(fault))}) |`

const rowOf = (fault: Fault, result: Result) => `${rowStart(fault)} ${fault.title} | ${verdict(result)} |`

function sectionOf (fault: Fault, result: Result): string {
  return [
    `### ${headingOf(fault)}`,
    '',
    wrapMarkdown(`Must hold: ${fault.pass}.`),
    '',
    ...figures(result).map((line) => wrapMarkdown(`- ${line}`)),
    ...result.broken.map((name) => `- **broken: ${name}**`),
    ...(fault.note === undefined ? [] : ['', wrapMarkdown(`Not shown: ${fault.note}.`)]),
    ''
  ].join('\n')
}

/** Undefined for a fault that the document does not have. */
function keptOf (document: string, fault: Fault): { row: string, section: string } | undefined {
  const row = document.split('\n').find((line) => line.startsWith(rowStart(fault)))
  const section = document.split(/^(?=### )/m).find((part) => part.startsWith(`### ${headingOf(fault)}\n`))
  return row === undefined || section === undefined ? undefined : { row, section: section.trimEnd() + '\n' }
}

const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
