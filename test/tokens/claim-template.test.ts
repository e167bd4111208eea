import t from 'tap'
import { claimMistakes, compileClaims, usesMetadata, type JsonObject } from '../../src/tokens/claim-template.ts'

const subject = {
  userId: 'u',
  email: 'e@x',
  name: 'Name',
  roles: ['editor', 'admin'],
  metadata: { tenant: 'acme', plan: { seats: 5, trial: false, tags: ['a'] }, 'a b': 'c', none: null },
  clientId: 'c',
  sessionId: 's'
}
const fill = (template: JsonObject, more: object = {}) => compileClaims(template)({ ...subject, ...more })

t.test('placeholders are filled in, and one that stands alone keeps its type', async (t) => {
  t.strictSame(fill({
    a: '{user.id}',
    b: '{user.email} of {client.id}, {user.id}',
    roles: '{user.roles}',
    seats: '{user.metadata.plan.seats}',
    trial: '{user.metadata.plan.trial}',
    plan: '{user.metadata.plan}',
    text: '{user.metadata.plan.seats} seats: {user.metadata.plan.trial}',
    spaced: '{user.metadata.a b}',
    nested: { session: '{session.id}', name: '{user.name}', deep: { n: 1, yes: true, nothing: null } },
    constant: 'authenticated',
    brace: 'a } b {'
  }), {
    a: 'u',
    b: 'e@x of c, u',
    roles: ['editor', 'admin'],
    seats: 5,
    trial: false,
    plan: subject.metadata.plan,
    text: '5 seats: false',
    spaced: 'c',
    nested: { session: 's', name: 'Name', deep: { n: 1, yes: true, nothing: null } },
    constant: 'authenticated',
    brace: 'a } b {'
  })
})

t.test('what is missing is left out, with the text around it', async (t) => {
  const template = {
    a: '{user.metadata.none}',
    b: '{user.metadata.no.such.path}',
    c: 'of {user.metadata.missing}',
    d: '{user.email}',
    e: '{user.metadata.constructor}',
    f: '{user.metadata.tenant.length}',
    g: 'a list {user.metadata.plan.tags} in a text',
    h: { i: '{user.name}', j: 1 },
    k: ['{user.name}', 'x', { l: '{user.email}' }]
  }
  t.strictSame(fill(template, { email: null, name: null }), { h: { j: 1 }, k: ['x', {}] })
})

t.test('in a list the items of a list take its place', async (t) => {
  t.strictSame(fill({ roles: ['user', '{user.roles}'], nested: [['a'], '{user.metadata.plan.tags}'] }), {
    roles: ['user', 'editor', 'admin'], nested: [['a'], 'a']
  })
  t.strictSame(fill({ roles: ['user', '{user.roles}'] }, { roles: [] }), { roles: ['user'] })
})

t.test('a value is not read for placeholders', async (t) => {
  t.strictSame(fill({ a: '{user.name}', b: 'I am {user.name}' }, { name: '{user.id} $& $1' }), {
    a: '{user.id} $& $1', b: 'I am {user.id} $& $1'
  })
})

t.test('mistakes name the claim or the placeholder', async (t) => {
  t.same(claimMistakes({ a: '{user.id}', b: ['{user.metadata.a.b}'] }, ['sub']), [])
  t.match(claimMistakes({ sub: 'x', aud: 'y', 'https://x': { sub: 'fine below' } }, ['sub', 'aud']), [
    /^must not have "sub"/, /^must not have "aud"/
  ])
  for (const name of ['user', 'user.roles.0', 'user.metadata', 'user.metadata.', 'tenant', '', 'constructor']) {
    t.match(claimMistakes({ a: { b: [`x {${name}}`] } }, []), [`has {${name}}, which is no placeholder`], name)
  }
  t.match(claimMistakes({ a: 'roles: {user.roles}' }, []), [/must stand alone/])
})

t.test('it tells whether it needs the metadata', async (t) => {
  t.ok(usesMetadata({ a: { b: ['{user.metadata.a}'] } }))
  t.notOk(usesMetadata({ a: '{user.id}', metadata: 'user.metadata.a', n: 1, nothing: null }))
})
