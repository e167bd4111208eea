import { gzipSync } from 'node:zlib'
import { join } from 'node:path'
import t from 'tap'
import { collect } from '../../helper.ts'
import { stableId } from '../../../tools/import/ids.ts'
import { readCsv } from '../../../tools/import/read-csv.ts'
import { readFile } from '../../../tools/import/read-file.ts'
import { readJson } from '../../../tools/import/read-json.ts'

/** The text in pieces of every size from one character on: where a chunk ends must not matter. */
async function * inChunks (text: string, size: number) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

const RECORDS = [
  { id: 1, text: 'a "quoted" { [ \\ \\" }', nested: { list: [1, { a: [] }] } }, { id: 2 }, { id: 3, é: '漢' }
]

t.test('records of JSON are the same in every wrapping and in chunks of every size', async (t) => {
  for (const [name, text] of Object.entries({
    lines: RECORDS.map((record) => JSON.stringify(record)).join('\n'),
    'pretty lines': RECORDS.map((record) => JSON.stringify(record, null, 2)).join('\n'),
    array: JSON.stringify(RECORDS, null, 2),
    Firebase: `{"users": [\n${RECORDS.map((record) => JSON.stringify(record, null, 2)).join(',\n')}]}`,
    Clerk: JSON.stringify({ data: RECORDS, total_count: 3 })
  })) {
    for (const size of [1, 2, 3, 7, 64, 10_000]) {
      t.same(await collect(readJson(inChunks(text, size))), RECORDS, `${name}, ${size}`)
    }
  }
  t.same(await collect(readJson(inChunks('[["a",{"value":1}],["b",{"value":2}]]', 4))),
    [['a', { value: 1 }], ['b', { value: 2 }]])
  t.same(await collect(readJson(inChunks('[{"id":1}]\n[{"id":2},{"id":3}][]', 3))), [{ id: 1 }, { id: 2 }, { id: 3 }],
    'pages one after the other')
  t.same(await collect(readJson(inChunks('', 1))), [])
})

t.test('a file that was cut off, is no JSON or has an endless record fails', async (t) => {
  const read = (text: string) => collect(readJson(inChunks(text, 65_536)))
  await t.rejects(read('{"id":1}\n{"id":'), /cut off/)
  await t.rejects(read('{"users":[{"id":1},'), /cut off/)
  await t.rejects(read('id,name\n1,x'), /not JSON/)
  await t.rejects(read(`{"id":"${'x'.repeat(2_000_000)}`), /too large/)
})

t.test('rows of CSV: quotes, commas and line ends within quotes, in chunks of every size', async (t) => {
  const text = 'id, name\r\n1,"a, ""b"""\r\n2,"two\r\nlines"\r\n3,\r\n'
  for (const size of [1, 2, 5, 1000]) {
    t.same(await collect(readCsv(inChunks(text, size))), [
      { id: '1', name: 'a, "b"' }, { id: '2', name: 'two\r\nlines' }, { id: '3', name: '' }
    ])
  }
  t.same(await collect(readCsv(inChunks('id,name\n1,x', 4))), [{ id: '1', name: 'x' }], 'without a line end')
  await t.rejects(collect(readCsv(inChunks('id,name\n1,2,3\n', 4))), /3 fields instead of 2/)
  await t.rejects(collect(readCsv(inChunks('id,name\n1,"x', 4))), /cut off/)
})

t.test('a file may be packed, and begin with a byte order mark', async (t) => {
  const folder = t.testdir({
    'a.json': '\ufeff[{"id":1}]', 'b.json.gz': gzipSync('{"id":1}\n'), 'c.csv.gz': gzipSync('id\n1\n')
  })
  t.same(await collect(readFile(join(folder, 'a.json'))), [{ id: 1 }])
  t.same(await collect(readFile(join(folder, 'b.json.gz'))), [{ id: 1 }])
  t.same(await collect(readFile(join(folder, 'c.csv.gz'))), [{ id: '1' }])
  await t.rejects(collect(readFile(join(folder, 'd.json.gz'))), /ENOENT/)
})

t.test('an id is a UUIDv7 of its time, and the same each time', async (t) => {
  const id = stableId(new Date('2024-05-01T00:00:00Z'), 'user', 'authjs', 'cl1')
  t.match(id, /^018f3173-7000-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  t.equal(id, stableId(new Date('2024-05-01T00:00:00Z'), 'user', 'authjs', 'cl1'))
  t.not(id, stableId(new Date('2024-05-01T00:00:00Z'), 'user', 'clerk', 'cl1'))
  t.match(stableId(undefined, 'a', 'b'), /^00000000-0000-7/)
  t.not(stableId(undefined, 'a b'), stableId(undefined, 'a', 'b'))
})
