import t from 'tap'
import { parseJson } from '../../src/http/json.ts'
import { acceptJson } from '../../src/providers/http.ts'

const call = { provider: 'Acme', step: 'token exchange' } as const
const read = (status: number, text = '{"a":1}', type = 'application/json; charset=utf-8') =>
  acceptJson({ status, headers: { 'content-type': type } }, parseJson(text), call)

t.test('a good answer is 200 or 201, and JSON by its content', async (t) => {
  for (const status of [200, 201]) t.same(read(status), { a: 1 })
  for (const type of ['application/vnd.github+json', 'text/html', 'text/plain', '']) t.same(read(200, '[]', type), [])
  for (const status of [202, 204, 206, 302, 400, 500]) {
    t.throws(() => read(status), {
      code: 'provider_error',
      message: `Acme: the token exchange failed: HTTP ${status}.`
    })
  }
  for (const [text, type] of [
    ['{"a":1', 'application/json'],
    ['', 'application/json'],
    ['<!doctype html>', 'text/html']
  ]) {
    t.throws(() => read(200, text, type), {
      code: 'provider_error',
      message: 'Acme: the token exchange failed: the answer is not JSON.'
    })
  }
})
