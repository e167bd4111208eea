import t from 'tap'
import { race, sharing } from '../helper.ts'
import { slow } from '../slow.ts'
import { signedIn } from './signed-in.ts'

const world = sharing(t, signedIn)

t.test(
  'what a user edits is theirs: it survives the next login, emptied fields too, and the rest follows the provider',
  async (t) => {
    const { github, login, call, events } = await world(t)
    const { access_token: token, user } = await login()
    t.match(user, { name: 'The Octocat', avatarUrl: 'https://example.com/octocat.png', locale: null })

    const edited = await call('PATCH', '/me', token, { body: { name: 'Mona', locale: 'pt-br' } })
    t.equal(edited.status, 200)
    t.match(edited.body, {
      id: user.id,
      name: 'Mona',
      locale: 'pt-BR',
      avatarUrl: user.avatarUrl,
      email: user.email,
      accounts: [{ name: 'The Octocat' }]
    })
    t.equal(edited.headers.get('cache-control'), 'no-store')
    t.ok(edited.body.updatedAt > user.updatedAt)
    t.same((await call('GET', '/me', token)).body, edited.body)

    github.user({
      id: 1,
      login: 'octocat',
      name: 'Renamed',
      email: 'octocat@github.com',
      avatar_url: 'https://example.com/new.png'
    })
    t.match((await login()).user, { name: 'Mona', locale: 'pt-BR', avatarUrl: 'https://example.com/new.png' })

    t.match((await call('PATCH', '/me', token, { body: { name: null, avatarUrl: null } })).body, {
      name: null,
      avatarUrl: null,
      locale: 'pt-BR'
    })
    t.match((await login()).user, { name: null, avatarUrl: null, accounts: [{ name: 'Renamed' }] })

    const own = (await events('user.updated')).filter(({ details }) => details.sessionId === undefined)
    t.same(
      own,
      [
        ['name', 'locale'],
        ['name', 'avatarUrl']
      ].map((fields) => ({ userId: user.id, actorId: user.id, ipAddress: '127.0.0.1', details: { fields } })),
      'the names of the fields, and no more'
    )
  }
)

t.test('an empty patch, and one that says nothing new, change nothing', async (t) => {
  const { login, call, events } = await world(t)
  const { access_token: token } = await login()
  const { body: before } = await call('PATCH', '/me', token, { body: { name: 'Mona' } })
  t.same((await call('PATCH', '/me', token, { body: {} })).body, before)
  t.same((await call('PATCH', '/me', token, { body: { name: ' Mona\u0000' } })).body, before)
  t.equal((await events('user.updated')).length, 1)
})

t.test("a name that is the provider's is kept all the same, once the user has said it", async (t) => {
  const { github, login, call, events } = await world(t)
  const { access_token: token } = await login()
  await call('PATCH', '/me', token, { body: { name: 'The Octocat' } })
  t.equal((await events('user.updated')).length, 1)
  github.user({ id: 1, login: 'octocat', name: 'Renamed', email: 'octocat@github.com' })
  t.equal((await login()).user.name, 'The Octocat')
})

t.test('text is cleaned, and what does not fit is refused', async (t) => {
  const { login, call, events, sql } = await world(t)
  const { access_token: token } = await login()
  const kept: [object, object][] = [
    [{ name: '  Mona\u202e Lisa\u0000\n ' }, { name: 'Mona  Lisa' }],
    [{ name: '\ud800Mona' }, { name: '\ufffdMona' }],
    [{ name: '🐙'.repeat(200) }, { name: '🐙'.repeat(200) }],
    [{ name: ' \u200b ' }, { name: null }],
    [{ avatarUrl: 'HTTPS://Example.com/a b"c' }, { avatarUrl: 'https://example.com/a%20b%22c' }],
    [{ locale: 'ZH-hant-tw' }, { locale: 'zh-Hant-TW' }]
  ]
  for (const [body, expected] of kept) {
    t.match(await call('PATCH', '/me', token, { body }), { status: 200, body: expected }, JSON.stringify(body))
  }

  const before = (await sql.query('SELECT * FROM users')).rows
  const { length } = await events('user.updated')
  for (const body of [
    { name: 'x'.repeat(201) },
    { name: 1 },
    { name: ['x'] },
    { avatarUrl: 'http://example.com/a.png' },
    { avatarUrl: 'javascript:alert(1)' },
    { avatarUrl: '/a.png' },
    { avatarUrl: '' },
    { avatarUrl: 'https://' },
    { avatarUrl: `https://example.com/${'x'.repeat(2000)}` },
    { avatarUrl: 'data:image/png;base64,AA==' },
    { locale: 'en_US' },
    { locale: '' },
    { locale: 'not a locale' },
    { locale: 'en\0' },
    { locale: `en-${'x'.repeat(100)}` },
    { email: 'a@example.com' },
    { roles: ['admin'] },
    { name: 'Mona', userId: 'x' },
    [],
    'null',
    '"x"',
    '{',
    '{"__proto__":{"name":"x"}}'
  ]) {
    const refused = await call('PATCH', '/me', token, { body })
    t.match(refused, { status: 400, body: { code: 'validation_failed' } }, JSON.stringify(body))
  }
  t.match((await call('PATCH', '/me', token, { body: { locale: 'en_US' } })).body.errors, [
    { path: 'body/locale', message: 'must match format "language-tag"' }
  ])
  t.equal(
    (
      await call('PATCH', '/me', token, {
        body: 'name=x',
        headers: { 'content-type': 'application/x-www-form-urlencoded' }
      })
    ).status,
    415
  )
  t.same((await sql.query('SELECT * FROM users')).rows, before)
  t.equal((await events('user.updated')).length, length)
})

slow.test('edits and logins at once: no 5xx, and no edit is lost', async (t) => {
  const { url, login, call, another } = await world(t)
  const { access_token: token } = await login()
  const { address } = await another()
  for (let round = 0; round < 5; round++) {
    const edits = [
      { name: `Name ${round}` },
      { avatarUrl: `https://example.com/${round}` },
      { locale: round % 2 ? 'de' : 'fr' }
    ]
    const results = await race(6, async (index) =>
      index < 3
        ? (await call('PATCH', '/me', token, { body: edits[index], at: index % 2 ? address : url })).status
        : (await login()).user?.id
    )
    t.ok(
      results.every((result) => result === 200 || typeof result === 'string'),
      results.join()
    )
    t.match((await call('GET', '/me', token)).body, Object.assign({}, ...edits))
  }
})

t.test('an edit needs an active session', async (t) => {
  const { url, login, call, sql } = await world(t)
  const { access_token: token } = await login()
  t.equal(
    (
      await fetch(`${url}/me`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: '{"name":"x"}'
      })
    ).status,
    401
  )
  await sql.query('UPDATE users SET disabled_at = now()')
  t.equal((await call('PATCH', '/me', token, { body: { name: 'x' } })).status, 401)
  t.equal((await sql.query("SELECT 1 FROM users WHERE name = 'x'")).rowCount, 0)
})
