import t from 'tap'
import { mergePatch } from '../../src/users/merge-patch.ts'

type JsonObject = Record<string, unknown>

t.test('the examples of RFC 7396 appendix A whose target and patch are objects', async (t) => {
  const examples: [target: JsonObject, patch: JsonObject, result: JsonObject][] = [
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }]
  ]
  for (const [target, patch, result] of examples) {
    const before = JSON.stringify(target)
    t.strictSame(mergePatch(target, patch), result, `${before} and ${JSON.stringify(patch)}`)
    t.equal(JSON.stringify(target), before, 'the target stays as it was')
  }
})

t.test('the section\'s own example', async (t) => {
  const content = 'This will be unchanged'
  const author = { givenName: 'John', familyName: 'Doe' }
  const target = { title: 'Goodbye!', author, tags: ['example', 'sample'], content }
  const patch = { title: 'Hello!', phoneNumber: '+01-123-456-7890', author: { familyName: null }, tags: ['example'] }
  t.strictSame(mergePatch(target, patch), {
    title: 'Hello!', author: { givenName: 'John' }, tags: ['example'], content, phoneNumber: '+01-123-456-7890'
  })
})

t.test('names that objects inherit are names like any other', async (t) => {
  const patch = { constructor: { a: 1 }, toString: { b: 2 } }
  t.equal(JSON.stringify(mergePatch({}, patch)), JSON.stringify(patch))
  t.strictSame(mergePatch({}, { valueOf: null }), {})
})
