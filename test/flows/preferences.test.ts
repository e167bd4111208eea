import t from 'tap'
import { race, sharing } from '../helper.ts'
import { slow } from '../slow.ts'
import { signedIn } from './signed-in.ts'

const world = sharing(t, signedIn)

const PATH = '/me/preferences'
const KIB = 1024

t.test('preferences are read, replaced and patched; each response has the entity tag of its content', async (t) => {
  const { login, call, events } = await world(t)
  const { access_token: token, user } = await login()
  const empty = await call('GET', PATH, token)
  t.match(empty, { status: 200, etag: /^"[\w-]{43}"$/ })
  t.strictSame(empty.body, {})

  const theme = {
    theme: 'dark',
    '': 1,
    'a\nb': [1, null, { ü: '🐙' }],
    10: true,
    nested: { a: { b: 1 } },
    number: 1e-7,
    toString: 'x'
  }
  const put = await call('PUT', PATH, token, { body: theme })
  t.strictSame([put.status, put.body], [200, theme])
  t.not(put.etag, empty.etag)
  const read = await call('GET', PATH, token)
  t.strictSame([read.body, read.etag], [theme, put.etag])
  const head = await call('HEAD', PATH, token)
  t.strictSame([head.status, head.etag], [200, put.etag])
  t.equal(read.headers.get('cache-control'), 'no-store')
  t.strictSame(
    (await call('GET', '/me', token)).body.preferences,
    theme,
    'GET /me has all of it, whatever the names are'
  )

  const patched = await call('PATCH', PATH, token, {
    body: { theme: null, nested: { a: { c: 2 } } },
    headers: { 'content-type': 'application/merge-patch+json' }
  })
  const { theme: _gone, ...rest } = theme
  t.strictSame([patched.status, patched.body], [200, { ...rest, nested: { a: { b: 1, c: 2 } } }])
  t.equal((await call('PATCH', PATH, token, { body: {} })).etag, patched.etag)
  t.equal((await call('PUT', PATH, token, { body: theme })).etag, put.etag, 'the same content has the same tag')

  const { body: me } = await call('GET', '/me', token)
  t.ok(me.updatedAt > user.updatedAt)
  t.strictSame(
    (await events('user.updated')).map(({ details }) => details),
    Array(3).fill({ fields: ['preferences'] }),
    'what changed nothing is no event'
  )
  t.strictSame((await login()).user.preferences, theme, 'a login leaves them alone')
})

t.test('a change on the condition of a tag is made only while the tag is right', async (t) => {
  const { login, call, events } = await world(t)
  const { access_token: token } = await login()
  const { etag: first } = await call('GET', PATH, token)
  const { etag: second } = await call('PUT', PATH, token, { body: { a: 1 }, headers: { 'if-match': first } })
  for (const method of ['PUT', 'PATCH']) {
    for (const tag of [first, `W/${second}`, 'x', '""']) {
      const refused = await call(method, PATH, token, { body: { a: 2 }, headers: { 'if-match': tag } })
      t.match(refused, { status: 412, body: { code: 'precondition_failed' } }, `${method} ${tag}`)
    }
    t.equal((await call(method, PATH, token, { body: { a: 2 }, headers: { 'if-none-match': '*' } })).status, 412)
    t.equal(
      (await call(method, PATH, token, { body: 'x', headers: { 'if-match': first } })).status,
      400,
      'a request that can never succeed is refused first'
    )
  }
  t.strictSame((await call('GET', PATH, token)).body, { a: 1 })
  t.equal((await events('user.updated')).length, 1)
  t.equal((await call('PATCH', PATH, token, { body: { b: 2 }, headers: { 'if-match': `"x", ${second}` } })).status, 200)
  t.equal((await call('PUT', PATH, token, { body: { c: 3 }, headers: { 'if-match': '*' } })).status, 200)

  const { etag } = await call('GET', PATH, token)
  for (const tag of [etag, `W/${etag}`, '*', `"x", ${etag}`]) {
    const cached = await call('GET', PATH, token, { headers: { 'if-none-match': tag } })
    t.strictSame([cached.status, cached.etag], [304, etag], tag)
  }
  t.equal((await call('GET', PATH, token, { headers: { 'if-none-match': second } })).status, 200)
})

t.test('of changes made at once none is lost, and of those on one tag one is made', async (t) => {
  const { url, login, call, another, events } = await world(t)
  const { access_token: token } = await login()
  const { address } = await another()
  const at = (index: number) => (index % 2 ? url : address)
  const patched = await race(12, (index) =>
    call('PATCH', PATH, token, { body: { [`key${index}`]: index, nested: { [`key${index}`]: index } }, at: at(index) })
  )
  t.ok(
    patched.every(({ status }) => status === 200),
    patched.map(({ status }) => status).join()
  )
  const { body, etag } = await call('GET', PATH, token)
  const all = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`key${index}`, index]))
  t.strictSame(body, { ...all, nested: all })
  t.equal(new Set(patched.map(({ etag }) => etag)).size, 12, 'each response shows its own result')
  t.equal((await events('user.updated')).length, 12)

  const put = await race(20, (index) =>
    call('PUT', PATH, token, { body: { winner: index }, headers: { 'if-match': etag }, at: at(index) })
  )
  t.strictSame(put.map(({ status }) => status).sort(), [200, ...Array(19).fill(412)])
  t.strictSame((await call('GET', PATH, token)).body, put.find(({ status }) => status === 200)?.body)
})

t.test('preferences changed while the user logs in: neither undoes the other', async (t) => {
  const { github, login, call } = await world(t)
  const { access_token: token } = await login()
  for (let round = 0; round < 10; round++) {
    github.user({ id: 1, login: 'octocat', name: `Name ${round}`, email: 'octocat@github.com' })
    const [{ status }, { user }] = await Promise.all([call('PUT', PATH, token, { body: { round } }), login()])
    t.strictSame([status, user.name], [200, `Name ${round}`])
    t.match((await call('GET', '/me', token)).body, { name: `Name ${round}`, preferences: { round } })
  }
})

slow.test('16 KiB and no more, as they are stored', async (t) => {
  const { login, call } = await world(t)
  const { access_token: token } = await login()
  const ofSize = (bytes: number) => ({ a: 'x'.repeat(bytes - '{"a":""}'.length) })
  t.equal((await call('PUT', PATH, token, { body: ofSize(16 * KIB) })).status, 200)
  const tooLarge = await call('PUT', PATH, token, { body: ofSize(16 * KIB + 1) })
  t.match(tooLarge, { status: 413, body: { code: 'payload_too_large', detail: /16 KiB/ } })
  t.match(
    await call('PATCH', PATH, token, { body: { b: 1 } }),
    { status: 413, body: { code: 'payload_too_large' } },
    'what the patch would make of them counts'
  )
  t.equal((await call('PATCH', PATH, token, { body: { a: null, b: 1 } })).status, 200)

  t.equal((await call('PUT', PATH, token, { body: { a: 'ü'.repeat(8 * KIB) } })).status, 413, 'bytes, not characters')
  const spaced = `{${' '.repeat(40 * KIB)}"a":"${'\\u00fc'.repeat(3 * KIB)}"}`
  t.match(
    await call('PUT', PATH, token, { body: spaced }),
    { status: 200, body: { a: 'ü'.repeat(3 * KIB) } },
    'white space and escapes are not stored'
  )
  t.match(await call('PUT', PATH, token, { body: `{"a":"${'x'.repeat(64 * KIB)}"}` }), {
    status: 413,
    body: { code: 'payload_too_large' }
  })
  t.equal((await call('PUT', PATH, token, { body: `{"a":[${Array(3000).fill('1e308').join()}]}` })).status, 413)
  t.equal((await call('PUT', PATH, token, { body: `{"a":[${Array(2000).fill('1e308').join()}]}` })).status, 200)
  t.equal((await call('GET', PATH, token)).body.a.length, 2000)
})

t.test('preferences that are no object, or cannot be stored, are a 400', async (t) => {
  const { login, call, log, sql } = await world(t)
  const { access_token: token } = await login()
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  const bodies = [
    '[]',
    '[{"a":1}]',
    'null',
    '"x"',
    '1',
    'true',
    '',
    '{',
    '{"a":undefined}',
    '{"a":NaN}',
    '{"a":1e400}',
    '{"a":[-1e999]}',
    '{"a":"\\u0000"}',
    '{"\\u0000":1}',
    '{"a":{"b":["x\\u0000"]}}',
    '{"a":"\\ud800"}',
    '{"\\udfff":1}',
    '{"__proto__":{"a":1}}',
    '{"a":{"__proto__":1}}',
    '{"a":[{"__proto__":null}]}',
    '{"constructor":{"prototype":{"a":1}}}',
    deep(33),
    deep(10_000),
    `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
  ]
  for (const method of ['PUT', 'PATCH']) {
    for (const body of bodies) {
      t.match(
        await call(method, PATH, token, { body }),
        { status: 400, body: { code: 'validation_failed' } },
        `${method} ${body.slice(0, 50)}`
      )
    }
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json-patch+json',
      ...(method === 'PUT' ? ['application/merge-patch+json'] : [])
    ]
    for (const type of types) {
      t.equal(
        (await call(method, PATH, token, { body: '{"a":1}', headers: { 'content-type': type } })).status,
        415,
        `${method} ${type}`
      )
    }
  }
  const merge = { 'content-type': 'application/merge-patch+json; charset=utf-8' }
  for (const body of ['{"__proto__":{"a":1}}', '[]', '{', '']) {
    t.equal((await call('PATCH', PATH, token, { body, headers: merge })).status, 400, body)
  }
  t.strictSame((await sql.query('SELECT preferences FROM users')).rows, [{ preferences: {} }])
  t.equal((await call('PUT', PATH, token, { body: deep(32) })).status, 200)
  t.equal((await call('PATCH', PATH, token, { body: { a: 1 }, headers: merge })).status, 200)
  t.notMatch(log(), /"level":50/)
})

t.test('another user has preferences of their own; a disabled one has none', async (t) => {
  const { login, call, sql } = await world(t)
  const [octocat, jane] = [(await login()).access_token, (await login('acme')).access_token]
  await call('PUT', PATH, octocat, { body: { a: 1 } })
  t.strictSame((await call('GET', PATH, jane)).body, {})
  await sql.query('UPDATE users SET disabled_at = now()')
  for (const method of ['GET', 'PUT', 'PATCH']) {
    t.equal((await call(method, PATH, octocat, method === 'GET' ? {} : { body: {} })).status, 401)
  }
})
