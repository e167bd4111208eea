import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { packageRoot } from '../../src/package-root.ts'
import type { Figures } from '../compare/figures.ts'
import { chart } from './chart.ts'
import { between, compareTables, scaleTable } from './markdown.ts'
import type { ScaleFigures } from './scale-figures.ts'

/** The contents of docs/performance.json: the last written run of each. */
export interface Measured { compare?: Figures, scale?: ScaleFigures }

const docs = (file: string) => join(packageRoot, 'docs', file)

/** Prints the figures. With `write`, updates docs/performance.md, .json and .svg, and keeps what was not measured. */
export async function report (measured: Measured, write: boolean): Promise<void> {
  const { compare, scale } = measured
  for (const text of [compare && compareTables(compare), scale && scaleTable(scale)]) if (text) console.log(`\n${text}`)
  if (!write) return
  const all = { ...await read(), ...measured }
  await writeFile(docs('performance.json'), `${JSON.stringify(all, null, 2)}\n`)
  await writeFile(docs('performance.md'), page(await readFile(docs('performance.md'), 'utf8'), all))
  if (all.compare) await writeFile(docs('performance.svg'), chart(all.compare))
}

export function page (text: string, { compare, scale }: Measured): string {
  const compared = compare ? between(text, 'compare', compareTables(compare)) : text
  return scale ? between(compared, 'scale', scaleTable(scale)) : compared
}

async function read (): Promise<Measured> {
  return JSON.parse(await readFile(docs('performance.json'), 'utf8').catch(() => '{}'))
}
