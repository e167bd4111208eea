import t from 'tap'
import { allowedReturnTo, ownReturnTo } from '../../src/sign-in/return-to.ts'

const allowed = new Set(['https://app.example.com', 'http://localhost:5173', 'https://xn--mnchen-3ya.example'])

t.test('a URL whose origin is allowed is taken, in the spelling of the URL parser', async (t) => {
  for (const [given, taken] of [
    ['https://app.example.com', 'https://app.example.com/'],
    ['https://app.example.com/welcome?tab=1#top', 'https://app.example.com/welcome?tab=1#top'],
    ['https://APP.example.com:443/a/../b', 'https://app.example.com/b'],
    ['http://localhost:5173/', 'http://localhost:5173/']
  ] as const) { t.equal(await allowedReturnTo(given, allowed), taken) }
})

const ATTACKS = [
  '',
  '/',
  '/path',
  '//evil.example',
  '///evil.example',
  '////evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '\\\\evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'https:\\\\evil.example',
  'https:/\\evil.example',
  '\t//evil.example',
  ' https://app.example.com',
  'https://app.example.com ',
  'ht\ttps://app.example.com',
  'https://app.example.com\t',
  'https://app.example.com\n',
  'https://app.example.com\r\nSet-Cookie: a=b',
  'https://app.example.com\0',
  'https://evil.example',
  'https://evil.example/https://app.example.com',
  'https://evil.example?https://app.example.com',
  'https://evil.example#https://app.example.com',
  'https://app.example.com@evil.example',
  'https://app.example.com:443@evil.example',
  'https://user@app.example.com',
  'https://user:pass@app.example.com',
  'https://:pass@app.example.com',
  'https://@app.example.com@evil.example',
  'https://app.example.com.evil.example',
  'https://evilapp.example.com',
  'https://sub.app.example.com',
  'https://example.com',
  'https://app.example.com.',
  'https://app.example.com..',
  'http://app.example.com',
  'https://app.example.com:444',
  'https://app.example.com:80',
  'https://localhost:5173',
  'http://localhost',
  'http://localhost:5174',
  'http://127.0.0.1:5173',
  'http://[::1]:5173',
  'http://localhost.evil.example:5173',
  'javascript:alert(1)',
  'javascript://app.example.com/%0aalert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,<script>',
  'vbscript:x',
  'file:///etc/passwd',
  'ftp://app.example.com',
  'ws://app.example.com',
  'blob:https://app.example.com/x',
  'about:blank',
  'mailto:a@app.example.com',
  'https://',
  'https://%65vil.example',
  '%2f%2fevil.example',
  '%68ttps://app.example.com',
  'https://app.example.com%2eevil.example',
  'https://app.example.com%40evil.example',
  'https://app。example。com.evil.example',
  'https://аpp.example.com',
  'https://app.exаmple.com',
  'https://app.example.com＠evil.example',
  'https://evil.example／app.example.com',
  'https://app.example.com\\@evil.example',
  'https://app.example.com\\evil',
  '//app.example.com',
  'app.example.com',
  'https://app.example.com:99999',
  'https://app.example.com:abc',
  'null',
  'undefined',
  `https://app.example.com/${'x'.repeat(2000)}`
]

t.test('everything else is refused', async (t) => {
  t.ok(ATTACKS.length >= 60)
  for (const attack of ATTACKS) {
    t.equal(await allowedReturnTo(attack, allowed), undefined, JSON.stringify(attack).slice(0, 80))
  }
  for (const odd of [
    undefined,
    null,
    1,
    true,
    {},
    [],
    ['https://app.example.com'],
    { toString: () => 'https://app.example.com' }
  ]) { t.equal(await allowedReturnTo(odd, allowed), undefined) }
  t.equal(await allowedReturnTo('https://app.example.com', new Set()), undefined)
})

t.test('a URL has at most 2000 characters', async (t) => {
  const longest = 'https://app.example.com/'.padEnd(2000, 'x')
  t.equal(await allowedReturnTo(longest, allowed), longest)
  t.equal(await allowedReturnTo(`${longest}x`, allowed), undefined)
})

t.test("Signet's own pages are /account and /admin, read in the same way", async (t) => {
  const issuer = 'https://id.example.com/auth'
  for (const path of ['/account', '/account/sessions?a=b', '/admin', '/admin/users']) {
    t.equal(ownReturnTo(issuer + path, issuer), issuer + path)
  }
  t.equal(ownReturnTo(`${issuer}/x/../account`, issuer), `${issuer}/account`)
  const refused = [
    undefined,
    '/account',
    `${issuer}/accounts`,
    `${issuer}/me`,
    'https://id.example.com/account',
    'https://evil.example.com/auth/account',
    'https://user@id.example.com/auth/account',
    'https://:pass@id.example.com/auth/account',
    `${issuer}/account\n`
  ]
  for (const url of refused) t.equal(ownReturnTo(url, issuer), undefined, String(url))
})
