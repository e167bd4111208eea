import t from 'tap'
import { streamJson } from '../../src/http/json-stream.ts'
import { collect } from '../helper.ts'

async function * pagesOf (...pages: object[][]) { yield * pages }

t.test('the text is that of JSON.stringify', async (t) => {
  const head = { name: 'line\nbreak', nested: { list: [1], empty: [] } }
  for (const pages of [[], [[]], [[{ a: 1 }]], [[{ a: 'x\ny' }, {}], [], [{ b: { c: [null] } }]]]) {
    const pieces = await collect(streamJson(head, { 'a list': pagesOf(...pages), 'the end': pagesOf() }))
    t.equal(pieces.join(''), JSON.stringify({ ...head, 'a list': pages.flat(), 'the end': [] }, null, 2))
  }
})

t.test('a page is read when it is asked for, and reading stops with the reader', async (t) => {
  let read = 0
  let isClosed = false
  async function * endless () {
    try {
      for (;;) yield [{ page: ++read }]
    } finally {
      isClosed = true
    }
  }
  const pieces = streamJson({ a: 1 }, { list: endless() })
  for (let piece = 0; piece < 4; piece++) await pieces.next()
  t.equal(read, 2, 'the head, the name, and a piece for each page')
  await pieces.return(undefined)
  t.equal(isClosed, true)
})
