import t from 'tap'
import { pageOfAll, readCursor, toPage } from '../../src/http/lists.ts'

const rows = Array.from({ length: 5 }, (_, index) => ({
  time: new Date(1_700_000_000_000 - index),
  id: `01890000-0000-7000-8000-00000000000${index}`
}))
const page = (read: typeof rows, limit: number) =>
  toPage(
    read,
    limit,
    (row) => row,
    ({ id }) => id
  )

t.test('a page says where the next one begins, the last says null', async (t) => {
  const { items, nextCursor } = page(rows.slice(0, 3), 2)
  t.same(
    items,
    rows.slice(0, 2).map(({ id }) => id)
  )
  t.same(readCursor(nextCursor ?? ''), rows[1], 'the place of the last item that was shown, to the millisecond')
  t.same(page(rows.slice(0, 2), 2), { items: rows.slice(0, 2).map(({ id }) => id), nextCursor: null })
  t.same(page([], 2), { items: [], nextCursor: null })
})

t.test('a short list is read from the oldest on, page by page, also what is of the same time', async (t) => {
  const { time } = rows[0]!
  const all = [
    ...rows,
    ...['a', 'c', 'b'].map((letter) => ({ time, id: `01890000-0000-7000-8000-00000000000${letter}` }))
  ]
  for (const limit of [1, 3, 8, 100]) {
    const read: string[] = []
    for (let cursor: string | null | undefined; cursor !== null;) {
      const { items, nextCursor } = pageOfAll(all, { limit, ...(cursor === undefined ? {} : { cursor }) }, (row) => row)
      t.ok(items.length === limit || nextCursor === null)
      read.push(...items.map(({ id }) => id.slice(-1)))
      cursor = nextCursor
    }
    t.equal(read.join(''), '43210abc')
  }
  t.throws(() => pageOfAll(all, { limit: 1, cursor: 'x' }, (row) => row), { code: 'validation_failed' })
})

t.test('without a cursor a list starts before everything', async (t) => {
  t.ok(readCursor(undefined).time.getFullYear() >= 8999)
})

t.test('what no list has given out is refused', async (t) => {
  const encode = (text: string) => Buffer.from(text).toString('base64url')
  const id = rows[0]!.id
  for (const cursor of [
    '',
    'x',
    encode('1'),
    encode(`-1 ${id}`),
    encode(`${'9'.repeat(15)} ${id}`),
    encode(`1 ${id}0`),
    encode(`1 ${id.toUpperCase()} `),
    encode("1 ' OR true"),
    encode(`1 ${id}\n`),
    encode(`1\0 ${id}`)
  ]) {
    t.throws(() => readCursor(cursor), { code: 'validation_failed' }, cursor)
  }
})
