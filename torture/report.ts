import { writeFile } from 'node:fs/promises'
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

/** The closing table, as TAP, with tap's closing comment: `.ci/run` adds it to the tests. */
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

/** docs/reliability.md, whole. */
export async function writeDocument (
  faults: Fault[],
  results: Result[],
  seconds: number,
  short: boolean
): Promise<void> {
  const sections = results.map((result, index) => {
    const { id, title, pass, note } = faults[index] as Fault
    return [
      `### ${id}: ${title}`,
      '',
      wrapMarkdown(`Must hold: ${pass}.`),
      '',
      ...figures(result).map((line) => wrapMarkdown(`- ${line}`)),
      ...result.broken.map((name) => `- **broken: ${name}**`),
      ...(note === undefined ? [] : ['', wrapMarkdown(`Not shown: ${note}.`)]),
      ''
    ].join('\n')
  })
  const table = results.map((result, index) => {
    const { id, title } = faults[index] as Fault
    return `| [${id}](#${anchor(`${id}: ${title}`)}) | ${title} | ${verdict(result)} |`
  })
  const cores = `${cpus().length} cores for everything`
  const environment = [`Node ${process.version}`, cores, `${Math.round(seconds)} seconds`]
  if (short) environment.push('the short form')
  await writeFile(
    join(packageRoot, 'docs/reliability.md'),
    `# Reliability

What Signet survives, played by \`npm run torture\` and written by it (\`-- --write\`). \`npm run torture -- F2 C1\`
plays some; with \`--short\` there are fewer rounds, as in every run of the tests (\`.ci/run\`).

Two instances of the built service, each a process of its own; a PostgreSQL 18 of their own, a Redis where one is
installed, and providers that are real HTTP servers, all on one machine and on loopback. "Under load" is a steady mix of
5 % logins, 25 % refreshes and 70 % \`GET /me\`, 40 requests a second, by 41 people who try again what failed. After
each load every one of them must still be able to refresh with the last token they received; one who cannot counts as
logged out.

This run: ${environment.join(', ')}. Times are those of this machine; the
counts of losses must be the same on any.

| | | |
| --- | --- | --- |
${table.join('\n')}

${sections.join('\n')}`.trimEnd() + '\n'
  )
}

const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-')
