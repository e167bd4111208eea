import t from 'tap'
import { evaluatePreconditions } from '../../src/http/preconditions.ts'

t.test('If-Match and If-None-Match, as RFC 9110 section 13 has them', async (t) => {
  const etag = '"abc"'
  const cases: [method: string, headers: Record<string, string>, expected: string][] = [
    ['PUT', {}, 'met'],
    ['PUT', { 'if-match': '"abc"' }, 'met'],
    ['PUT', { 'if-match': ' * ' }, 'met'],
    ['PUT', { 'if-match': '"x", "a,c","abc"' }, 'met'],
    ['PUT', { 'if-match': '"x"' }, 'failed'],
    ['PUT', { 'if-match': 'W/"abc"' }, 'failed'],
    ['PUT', { 'if-match': 'W/"abc", "abc"' }, 'met'],
    ['PUT', { 'if-match': 'abc' }, 'failed'],
    ['PUT', { 'if-match': '' }, 'failed'],
    ['PUT', { 'if-match': '"*"' }, 'failed'],
    ['GET', { 'if-match': '"x"' }, 'failed'],
    ['GET', { 'if-none-match': '"abc"' }, 'not-modified'],
    ['HEAD', { 'if-none-match': 'W/"abc"' }, 'not-modified'],
    ['GET', { 'if-none-match': '*' }, 'not-modified'],
    ['GET', { 'if-none-match': '"x"' }, 'met'],
    ['GET', { 'if-match': '"x"', 'if-none-match': '"abc"' }, 'failed'],
    ['PUT', { 'if-none-match': '*' }, 'failed'],
    ['PATCH', { 'if-none-match': '"x"' }, 'met']
  ]
  for (const [method, headers, expected] of cases) {
    t.equal(evaluatePreconditions({ method, headers }, etag), expected, `${method} ${JSON.stringify(headers)}`)
  }
})
