import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createEmptyDatabase } from '../../database.ts'
import { collect, race } from '../../helper.ts'
import { readDatabase } from '../../../tools/import/read-database.ts'
import { importWorld } from './world.ts'

/** A line of Auth0's export, the plainest of them. */
const person = (id: string, email: string, more: object = {}) =>
  ({ user_id: id, email, email_verified: true, name: `Name of ${id}`, created_at: '2024-01-01T00:00:00Z', ...more })
const OCTOCAT = person('github|1', 'octocat@github.com')

t.test('twice gives no duplicates, and what people changed here stays', async (t) => {
  const { runFile, users, accounts, login, call, sql } = await importWorld(t)
  const people = [OCTOCAT, person('google-oauth2|2', 'two@example.com')]
  t.match(await runFile('auth0', people), '2 people read: 2 added')
  const { access_token: token } = await login('github')
  await call('PATCH', '/me', token, { body: { name: 'My own name' } })
  const before = [await users(), await accounts()]
  t.match(await runFile('auth0', people), '2 people read: 0 added, 0 got accounts that they had not, 2 were here')
  t.same([await users(), await accounts()], before)
  t.equal((await sql.query("SELECT 1 FROM audit_events WHERE type = 'user.created'")).rowCount, 2)
  t.match((await users()).map(({ name }) => name), ['My own name', 'Name of google-oauth2|2'])
})

t.test('what a sign-in changes follows the provider, as for people who were always here', async (t) => {
  const { runFile, users, login } = await importWorld(t)
  await runFile('auth0', [OCTOCAT])
  t.match((await login('github')).user, { name: 'The Octocat', email: 'octocat@github.com' })
  t.equal((await users()).length, 1)
})

t.test('an account that came to a person since the last run is added, and one that they unlinked here is not',
  async (t) => {
    const { runFile, accounts, login, call } = await importWorld(t)
    const identity = (provider: string, id: string) => ({ provider, user_id: id, connection: provider })
    const [one, two, three] = [identity('github', '1'), identity('google-oauth2', '2'), identity('apple', '3')]
    await runFile('auth0', [{ ...OCTOCAT, identities: [one, two] }])
    const { access_token: token, user } = await login('github')
    const { id } = user.accounts.find(({ provider }: { provider: string }) => provider === 'google')
    t.equal((await call('DELETE', `/me/accounts/${id}`, token)).status, 204)
    const printed = await runFile('auth0', [{ ...OCTOCAT, identities: [one, two, three] }])
    t.match(printed, '1 people read: 0 added, 1 got accounts that they had not')
    t.match(printed, /1 {2}identity_unlinked \(google\)/)
    t.match((await accounts()).map(({ provider }) => provider), ['apple', 'github'])
  })

t.test('nobody is joined to a user who signed in here before: account and address stay theirs', async (t) => {
  const { runFile, users, accounts, login } = await importWorld(t)
  const { user: octocat } = await login('github')
  const { user: jane } = await login('acme')
  const printed = await runFile('auth0', [
    { ...OCTOCAT, identities: [{ provider: 'github', user_id: '1' }, { provider: 'apple', user_id: '7' }] },
    person('google-oauth2|2', 'jane@example.com')
  ])
  t.match(printed, '2 people read: 1 added')
  t.match(printed, /1 {2}identity_taken \(github\)[^]*1 {2}email_taken/)
  const all = await users()
  t.match(all.find(({ id }) => id === octocat.id), { metadata: {} })
  t.match(all.find(({ id }) => id === jane.id), { email: 'jane@example.com', metadata: {} })
  t.match((await accounts()).map(({ of, provider }) => [of, provider]), [
    ['google-oauth2|2', 'google'], [null, 'acme'], [null, 'github']
  ])
  const byEmail = await runFile('auth0', [person('auth0|3', 'jane@example.com')], '--by-email')
  t.match(byEmail, /1 people read: 0 added[^]*email_taken/, 'and with no other way in there is nothing to add')
})

t.test('two people of one source with the same account or address: the first one has it', async (t) => {
  const { runFile, users } = await importWorld(t)
  const shared = [{ provider: 'google-oauth2', user_id: '1' }]
  const printed = await runFile('auth0', [
    person('a', 'one@example.com', { identities: shared }),
    person('b', 'two@example.com', { identities: shared }),
    person('apple|1', 'ONE@example.com')
  ])
  t.match(printed, /3 people read: 2 added[^]*identity_taken \(google\)[^]*email_taken|email_taken[^]*identity_taken/)
  t.match((await users()).map(({ email }) => email), ['one@example.com', null])
})

t.test('an address counts as verified where the source says so and the provider is trusted', async (t) => {
  const { runFile, accounts } = await importWorld(t)
  await runFile('auth0', [
    person('apple|1', 'a@example.com', { email_verified: 'true' }),
    person('facebook|2', 'b@example.com'),
    person('google-oauth2|3', 'ｃ@example.com'),
    person('google-oauth2|4', 'D@Example.com')
  ])
  t.match((await accounts()).map(({ email, email_verified: isVerified }) => [email, isVerified]), [
    ['a@example.com', false], ['b@example.com', false], [null, false], ['d@example.com', true]
  ])
})

t.test('by email: an address that a SAML provider said is not one that the source verified', async (t) => {
  const { runFile, users } = await importWorld(t)
  const jane = { user_id: 'acme|jane', provider: 'samlp', connection: 'acme', isSocial: false }
  const auth0 = [person('samlp|acme|jane', 'jane@example.com', { identities: [jane] })]
  t.match(await runFile('auth0', auth0, '--by-email'), /1 people read: 0 added[^]*no_identity \(SAML\)/)
  const verification = { object: 'verification_saml', status: 'verified', strategy: 'saml' }
  const clerk = [{
    id: 'user_1',
    object: 'user',
    primary_email_address_id: 'idn_1',
    email_addresses: [{ id: 'idn_1', object: 'email_address', email_address: 'jane@example.com', verification }],
    external_accounts: [],
    enterprise_accounts: [{ object: 'enterprise_account', protocol: 'saml', provider: 'saml_okta', verification }]
  }]
  t.match(await runFile('clerk', clerk, '--by-email'), /1 people read: 0 added[^]*no_identity \(SAML\)/)
  t.same(await users(), [])
})

t.test('a blocked person cannot sign in, by the same account or by the address', async (t) => {
  const { runFile, login } = await importWorld(t)
  await runFile('auth0', [
    { ...OCTOCAT, blocked: true }, person('auth0|2', 'jane@example.com', { blocked: true })
  ], '--by-email')
  for (const provider of ['github', 'acme']) t.match(await login(provider), { code: 'account_disabled' }, provider)
})

t.test('a dry run tells the same and writes nothing', async (t) => {
  const { runFile, users, sql } = await importWorld(t)
  const people = [OCTOCAT, person('apple|2', 'octocat@github.com'), person('github|1', 'x@example.com')]
  const dry = await runFile('auth0', people, '--dry-run')
  t.match(dry, '3 people read: 2 would be added')
  t.same(await users(), [])
  t.equal((await sql.query('SELECT 1 FROM audit_events')).rowCount, 0)
  t.equal((await runFile('auth0', people)).replaceAll('added', 'would be added'), dry)
})

t.test('the report has a line for each thing that stays behind, for its owner alone', async (t) => {
  const { runFile } = await importWorld(t)
  const report = join(t.testdir({}), '..', `report-${process.pid}.jsonl`)
  t.teardown(() => import('node:fs/promises').then(({ rm }) => rm(report, { force: true })))
  await runFile('auth0', [
    OCTOCAT, person('auth0|2', 'p@example.com'), person('google-oauth2|3', 'octocat@github.com')
  ], '--report', report)
  t.same(readFileSync(report, 'utf8').trim().split('\n').map((line) => JSON.parse(line)), [
    { id: 'auth0|2', isAdded: false, reason: 'no_identity', detail: 'password' },
    { id: 'google-oauth2|3', isAdded: true, reason: 'email_taken' }
  ])
  t.equal(statSync(report).mode & 0o777, 0o600)
})

t.test('sign-ins and two imports at the same time make one user of each person', async (t) => {
  const { runFile, run, users, login } = await importWorld(t)
  const file = join(t.testdir({
    'people.json': JSON.stringify([
      OCTOCAT, ...Array.from({ length: 50 }, (_, n) => person(`apple|${n + 1}`, `p${n}@example.com`))
    ])
  }), 'people.json')
  const results = await race(3, async (index) =>
    index === 2 ? await login('github') : await run('--from', 'auth0', '--file', file))
  t.ok(results[2].user.id)
  t.equal((await users()).length, 51)
  t.match(await runFile('auth0', [OCTOCAT]), /1 people read: 0 added/)
})

t.test('the database of the source is read only', async (t) => {
  const source = await createEmptyDatabase()
  t.teardown(() => source.giveBack())
  await source.sql.query('CREATE TABLE people (id int); CREATE FUNCTION add() RETURNS jsonb LANGUAGE sql AS ' +
    "$$ INSERT INTO people VALUES (1) RETURNING '{}'::jsonb $$")
  const read = (query: string) => collect(readDatabase(source.url, async () => query))
  await t.rejects(read('SELECT add() AS person'), /read-only transaction/)
  t.equal((await source.sql.query('SELECT 1 FROM people')).rowCount, 0)
  await t.rejects(readDatabase(source.url, (tables) => tables(['auth.users'])).next(),
    /has no table auth\.users that this user can see/)
  const unreachable = readDatabase('postgresql://someone:canary@127.0.0.1:1/x', async () => '')
  const error = await unreachable.next().then(() => undefined, (error: Error) => error)
  t.match(error?.message, /IMPORT_DATABASE_URL cannot be used: .*127\.0\.0\.1:1/)
  t.notMatch(error?.message, 'canary')
})

t.test('mistakes of the command are named', async (t) => {
  const { run } = await importWorld(t)
  for (const [args, message] of [
    [[], /--from is missing/],
    [['--from', 'myspace'], /--from myspace is no source/],
    [['--from', 'clerk'], /Clerk has no database to read/],
    [['--from', 'authjs'], /set IMPORT_DATABASE_URL/],
    [['--from', 'auth0', '--file', 'x', '--provider', 'a=nobody'], /no provider nobody/],
    [['--from', 'auth0', '--file', 'x', '--provider', 'a'], /<name>=<id/],
    [['--from', 'auth0', '--file', 'x', '--role', 'No Role'], /--role/],
    [['--nonsense'], /nonsense/]
  ] as const) await t.rejects(run(...args), { name: 'UsageError', message }, args.join(' '))
  await t.rejects(run('--from', 'auth0', '--file', '/nowhere/people.json'), /ENOENT/)
})
