import t from 'tap'
import { isJsonPointer, valueAt } from '../../src/providers/json-pointer.ts'

t.test('the examples of RFC 6901 section 5', async (t) => {
  const document = JSON.parse(
    '{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\\\j":5,"k\\"l":6," ":7,"m~n":8}'
  )
  const examples: [string, unknown][] = [
    ['', document],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/foo/1', 'baz'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8]
  ]
  for (const [pointer, value] of examples) {
    t.ok(isJsonPointer(pointer), pointer)
    t.same(valueAt(document, pointer), value, pointer)
  }
})

t.test('~01 is ~1 and no slash', async (t) => {
  t.equal(valueAt({ '~1': 'right', '/': 'wrong' }, '/~01'), 'right')
})

t.test('what is not there is undefined', async (t) => {
  for (const pointer of [
    '/b',
    '/a/b',
    '/a/0',
    '/list/2',
    '/list/-',
    '/list/-1',
    '/list/00',
    '/list/01',
    '/list/1.0',
    '/list/ 1',
    '/list/length',
    '/nothing/x',
    '/text/0',
    '/text/length'
  ]) {
    t.equal(valueAt({ a: {}, list: ['x', 'y'], nothing: null, text: 'text' }, pointer), undefined, pointer)
  }
  for (const document of [undefined, null, 'text', 42, true]) t.equal(valueAt(document, '/id'), undefined)
  t.equal(valueAt({ id: null }, '/id'), null)
})

t.test('no prototype is reached', async (t) => {
  for (const pointer of [
    '/__proto__',
    '/constructor',
    '/constructor/name',
    '/toString',
    '/__proto__/polluted',
    '/list/constructor',
    '/list/map'
  ]) {
    t.equal(valueAt({ list: [] }, pointer), undefined, pointer)
  }
  t.equal(valueAt(JSON.parse('{"__proto__":{"id":7}}'), '/__proto__/id'), 7, 'a member of that name is a member')
})

t.test('what is no pointer', async (t) => {
  for (const text of ['id', '$.id', '#/id', '/a~', '/a~2b', 'a/b', '~0']) t.notOk(isJsonPointer(text), text)
})
