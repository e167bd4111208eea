import { readFile, readdir } from 'node:fs/promises'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** The source file of a position in a built file; undefined where no source map knows it. Lines count from 0. */
export type Originals = (url: string, line: number, column: number) => string | undefined

/** Reads the source maps of a build. */
export async function originals (folder: string): Promise<Originals> {
  const maps = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.js.map'))
  const byUrl = new Map(await Promise.all(maps.map(async (name) => {
    const file = join(folder, name.slice(0, -'.map'.length))
    const map = new SourceMap(JSON.parse(await readFile(`${file}.map`, 'utf8')) as SourceMapPayload)
    return [pathToFileURL(file).href, { map, sourceRoot: dirname(file) }] as const
  })))
  return (url, line, column) => {
    const built = byUrl.get(url)
    const entry = built?.map.findEntry(line, column)
    return built && entry && 'originalSource' in entry ? resolve(built.sourceRoot, entry.originalSource) : undefined
  }
}
