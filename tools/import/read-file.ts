import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { readCsv } from './read-csv.ts'
import { readJson } from './read-json.ts'

/** The records of a file, `-` for standard input: CSV by its name, else JSON; gzip by its name, too. */
export async function * readFile (path: string): AsyncGenerator<unknown> {
  const isPacked = path.endsWith('.gz')
  const bytes: Readable = path === '-' ? process.stdin : createReadStream(path)
  const plain: Readable = isPacked
    ? bytes.on('error', (error) => plain.destroy(error)).pipe(createGunzip())
    : bytes
  const chunks = withoutByteOrderMark(plain.setEncoding('utf8'))
  yield * /\.csv(\.gz)?$/.test(path) ? readCsv(chunks) : readJson(chunks)
}

async function * withoutByteOrderMark (chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let isFirst = true
  for await (const chunk of chunks) {
    yield isFirst ? chunk.replace(/^\ufeff/, '') : chunk
    isFirst = false
  }
}
