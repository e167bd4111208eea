import t from 'tap'
import { freshSeconds } from '../../src/registration/freshness.ts'
import { readClientIdUrl } from '../../src/registration/client-id-url.ts'

t.test('a client id is a URL when it is https, has a path, and is spelled in one way', async (t) => {
  for (const clientId of [
    'https://app.example.com/client.json', 'https://app.example.com:8443/a/b', 'https://app.example.com/c?v=1'
  ]) t.equal(readClientIdUrl(clientId)?.href, clientId)
  for (const clientId of [
    'http://app.example.com/client.json', 'https://app.example.com', 'https://app.example.com/',
    'https://app.example.com/client.json#a', 'https://app.example.com/client.json#', 'https://me@app.example.com/c',
    'https://me:pw@app.example.com/c', 'https://app.example.com/a/../c', 'https://app.example.com/./c',
    'https://app.example.com/%2e%2e/c', 'https://APP.example.com/c', 'https://app.example.com:443/c',
    'https:\\\\app.example.com\\c', 'https:app.example.com/c', ' https://app.example.com/c', 'ftp://a.example/c',
    'https://2130706433/c', `https://app.example.com/${'x'.repeat(200)}`, 'http://localhost/c', 'spa', ''
  ]) t.equal(readClientIdUrl(clientId), undefined, clientId)
  const development = { allowLoopbackHttp: true }
  t.ok(readClientIdUrl('http://localhost:4000/client.json', development))
  t.equal(readClientIdUrl('http://app.example.com/client.json', development), undefined)
})

t.test('a document stays fresh for as long as its headers say: at least a minute, at most a day', async (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  for (const [headers, seconds] of [
    [{}, 600],
    [{ 'cache-control': 'max-age=3600' }, 3600],
    [{ 'cache-control': 'public, max-age="3600"', age: '600' }, 3000],
    [{ 'cache-control': 'max-age=99999999' }, 86_400],
    [{ 'cache-control': 'max-age=0' }, 60],
    [{ 'cache-control': 'No-Store, max-age=3600' }, 60],
    [{ 'cache-control': 'no-cache' }, 60],
    [{ expires: 'Thu, 01 Jan 2026 01:00:00 GMT' }, 3600],
    [{ expires: '0' }, 60],
    [{ 'cache-control': 'max-age=120', expires: 'Thu, 01 Jan 2026 01:00:00 GMT' }, 120]
  ] as const) t.equal(freshSeconds(headers, now), seconds, JSON.stringify(headers))
})
