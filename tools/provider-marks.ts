/**
 * Writes src/sign-in/provider-paths.ts: the marks of built-in providers from Simple Icons (CC0), as paths.
 *
 *     npm install --no-save simple-icons && npx tsx tools/provider-marks.ts
 *
 * Here are only those whose brand rules, to which data/simple-icons.json has links, allow a mark in one colour. The
 * others have their initial (src/sign-in/provider-mark.ts).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../src/package-root.ts'

const IDS = [
  'apple', 'bitbucket', 'discord', 'facebook', 'figma', 'github', 'gitlab', 'notion', 'reddit', 'spotify', 'twitch', 'x'
]
const WIDTH = 112

const folder = join(packageRoot, 'node_modules/simple-icons')
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }

const members = IDS.map((id) => {
  const [, path] = / d="([^"]+)"/.exec(readFileSync(join(folder, 'icons', `${id}.svg`), 'utf8')) ?? []
  if (path === undefined) throw new Error(`${id}.svg has no path.`)
  return `  ${id}:\n${inLines(path)}`
})

writeFileSync(join(packageRoot, 'src/sign-in/provider-paths.ts'), `/**
 * The marks of providers in a square of 24, from Simple Icons ${version} (CC0 1.0). Made by tools/provider-marks.ts.
 * They are trademarks of their owners.
 */
export const PROVIDER_PATHS: Readonly<Record<string, string>> = {
${members.join(',\n')}
}
`)

/** A string literal over several lines. */
function inLines (path: string): string {
  const parts = path.match(new RegExp(`.{1,${WIDTH}}`, 'g')) ?? []
  return parts.map((part) => `    '${part}'`).join(' +\n')
}
