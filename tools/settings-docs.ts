/** `npm run settings-docs`: writes the settings in README.md from .env.example; a test proves that both agree. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../src/package-root.ts'

const BEGIN = '<!-- settings -->\n'
const END = '<!-- /settings -->'

interface Setting { names: string[], defaults: string[], meaning: string }

/** The sections of .env.example after the one of the providers. Names without a comment between them share a row. */
export function readSections (example: string): { title: string, settings: Setting[] }[] {
  const [, , ...sections] = example.split(/^# --- (.+?) -+$/m)
  const pairs = sections.flatMap((title, index) => index % 2 === 1 ? [{ title, text: sections[index + 1] ?? '' }] : [])
  return pairs.map(({ title, text }) => ({ title, settings: readSettings(text) }))
}

function readSettings (text: string): Setting[] {
  const settings: Setting[] = []
  let comment: string[] = []
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$/.exec(line) ?? []
    const last = settings.at(-1)
    if (name === undefined) {
      comment.push(line.replace(/^# ?/, ''))
    } else if (last && comment.length === 0) {
      last.names.push(name)
      last.defaults.push(value)
    } else {
      settings.push({ names: [name], defaults: [value], meaning: comment.join(' ').trim() })
      comment = []
    }
  }
  return settings
}

/** README.md with the table of these settings. */
export function withSettings (readme: string, example: string): string {
  const [before, rest = ''] = readme.split(BEGIN)
  const after = rest.slice(rest.indexOf(END))
  const tables = readSections(example).map(({ title, settings }) =>
    `**${title}**\n\n| setting | default | |\n| --- | --- | --- |\n${settings.map(toRow).join('')}`)
  return `${before}${BEGIN}\n${tables.join('\n')}\n${after}`
}

function toRow ({ names, defaults, meaning }: Setting): string {
  const code = (texts: string[]) => texts.map((text) => text === '' ? 'none' : `\`${text}\``).join(', ')
  const shown = defaults.every((text) => text === '') ? '' : code(defaults)
  return `| ${code(names)} | ${shown} | ${meaning.replaceAll('|', '\\|').replaceAll('<', '&lt;')} |\n`
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const path = (name: string) => join(packageRoot, name)
  const readme = await readFile(path('README.md'), 'utf8')
  await writeFile(path('README.md'), withSettings(readme, await readFile(path('.env.example'), 'utf8')))
}
