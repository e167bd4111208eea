import t from 'tap'
import { importWorld } from './world.ts'

const GOOGLE = 'https://accounts.google.com'

t.test('Auth.js: the tables of the Prisma adapter, as the documentation spells them', async (t) => {
  const { runDatabase, users, accounts, github, login } = await importWorld(t)
  const printed = await runDatabase('authjs', `
    CREATE TABLE "User" (id text PRIMARY KEY, name text, email text UNIQUE, "emailVerified" timestamp(3), image text,
      "createdAt" timestamp(3) NOT NULL DEFAULT now(), "updatedAt" timestamp(3) NOT NULL DEFAULT now());
    CREATE TABLE "Account" ("userId" text NOT NULL REFERENCES "User", type text NOT NULL, provider text NOT NULL,
      "providerAccountId" text NOT NULL, refresh_token text, access_token text, expires_at int, token_type text,
      scope text, id_token text, session_state text, PRIMARY KEY (provider, "providerAccountId"));
    INSERT INTO "User" VALUES
      ('cl1', 'Octo', 'OctoCat@github.com', null, 'https://example.com/o.png', '2024-05-01 10:00', now()),
      ('cl2', 'Link', 'link@example.com', '2024-01-01', null, '2024-05-02', now()),
      ('cl3', 'Micro', 'micro@example.com', null, null, '2024-05-03', now()),
      ('cl4', 'Wizzler', 'wizzler@example.com', null, null, '2024-05-04', now());
    INSERT INTO "Account" ("userId", type, provider, "providerAccountId", access_token) VALUES
      ('cl1', 'oauth', 'github', '1', 'gho_secret'), ('cl1', 'oidc', 'google', '1138', null),
      ('cl3', 'oidc', 'microsoft-entra-id', 'pairwise', null), ('cl4', 'oauth', 'spotify', 'wizzler', null)`)
  t.match(printed, '4 people read: 1 added, 0 got accounts that they had not, 0 were here, 3 stay behind.')
  t.match(printed, /1 {2}no_identity \(email link\)/)
  t.match(printed, /1 {2}foreign_subject \(microsoft-entra-id\)/)
  t.match(printed, /1 {2}foreign_subject \(spotify\)/, 'its `id` is not the `account_id` of a sign-in')
  t.match(printed, /1 {2}email_not_verified\n/)
  const [user, ...others] = await users()
  t.same(others, [])
  t.match(user, {
    email: null,
    name: 'Octo',
    avatar_url: 'https://example.com/o.png',
    roles: [],
    disabled: false,
    last_login_at: null,
    metadata: { imported: { from: 'authjs', id: 'cl1' } }
  })
  t.match(await accounts(), [
    { provider: 'github', issuer: github.url, subject: '1', email: 'octocat@github.com', email_verified: false },
    { provider: 'google', issuer: GOOGLE, subject: '1138', email_verified: false }
  ])
  const signedIn = await login('github')
  t.match(signedIn.user, { id: user.id, email: 'octocat@github.com', emailVerified: true }, 'the provider proves it')
})

t.test('Auth.js: the schema of the Supabase adapter, not its copy in public.users', async (t) => {
  const { runDatabase, users, accounts } = await importWorld(t)
  const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`
  const printed = await runDatabase('authjs', `
    CREATE SCHEMA next_auth;
    CREATE TABLE next_auth.users (id uuid PRIMARY KEY, name text, email text UNIQUE, "emailVerified" timestamptz,
      image text);
    CREATE TABLE next_auth.accounts (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), type text NOT NULL, provider text
      NOT NULL, "providerAccountId" text NOT NULL, refresh_token text, access_token text, expires_at bigint,
      token_type text, scope text, id_token text, session_state text, oauth_token_secret text, oauth_token text,
      "userId" uuid REFERENCES next_auth.users, UNIQUE (provider, "providerAccountId"));
    CREATE TABLE public.users (id uuid PRIMARY KEY REFERENCES next_auth.users, name text, email text, image text);
    INSERT INTO next_auth.users VALUES ('${id(1)}', 'Link', 'link@example.com', now(), null),
      ('${id(2)}', 'Jane', 'jane@example.com', null, null);
    INSERT INTO public.users SELECT id, name, email, image FROM next_auth.users;
    INSERT INTO next_auth.accounts (type, provider, "providerAccountId", "userId")
      VALUES ('oidc', 'google', '1138', '${id(2)}')`, '--by-email')
  t.match(printed, '2 people read: 2 added')
  t.match((await users()).map(({ email }) => email), ['link@example.com', null])
  t.match(await accounts(), [{ provider: 'imported' }, { provider: 'google', subject: '1138' }])
})

t.test('better-auth: the core schema, with the admin plugin, in snake_case', async (t) => {
  const { runDatabase, users, accounts, acme, login } = await importWorld(t)
  const printed = await runDatabase('better-auth', `
    CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, email_verified boolean
      NOT NULL, image text, created_at timestamp NOT NULL, updated_at timestamp NOT NULL, role text, banned boolean,
      ban_reason text, ban_expires timestamp);
    CREATE TABLE account (id text PRIMARY KEY, account_id text NOT NULL, provider_id text NOT NULL, user_id text NOT
      NULL REFERENCES "user", access_token text, refresh_token text, id_token text, scope text, password text,
      created_at timestamp NOT NULL, updated_at timestamp NOT NULL);
    INSERT INTO "user" VALUES
      ('b1', 'Jane', 'jane@example.com', true, null, '2024-05-01', now(), 'admin,editor', null, null, null),
      ('b2', 'Pass', 'pass@example.com', true, null, '2024-05-01', now(), 'user', null, null, null),
      ('b3', 'Bad', 'bad@example.com', true, null, '2024-05-01', now(), 'user', true, 'spam', null),
      ('b4', 'Was', 'was@example.com', true, null, '2024-05-01', now(), 'user', true, 'spam', '2024-06-01');
    INSERT INTO account (id, account_id, provider_id, user_id, password, created_at, updated_at) VALUES
      ('1', 'jane', 'keycloak', 'b1', null, now(), now()), ('2', 'b2', 'credential', 'b2', 'salt:hash', now(), now()),
      ('3', '103', 'google', 'b3', null, now(), now()), ('4', '104', 'facebook', 'b4', null, now(), now())`,
  '--provider', 'keycloak=acme', '--role', 'editor')
  t.match(printed, '4 people read: 3 added')
  t.match(printed, /1 {2}no_identity \(password\)/)
  t.match(await users(), [
    { email: 'jane@example.com', name: 'Jane', roles: ['editor'], disabled: false },
    { email: 'bad@example.com', roles: [], disabled: true },
    { email: null, roles: [], disabled: false }
  ], 'Facebook is not trusted on email; a ban that has ended bans nobody')
  t.match(await accounts(), [
    { of: 'b1', provider: 'acme', issuer: acme.url, subject: 'jane', email_verified: true },
    { of: 'b3', provider: 'google', issuer: GOOGLE, subject: '103', email_verified: true },
    { of: 'b4', provider: 'facebook', issuer: 'https://www.facebook.com', email: 'was@example.com', email_verified: false }
  ])
  t.equal((await login('acme')).user.id, (await users())[0].id)
})

t.test('supabase/auth: auth.users and auth.identities', async (t) => {
  const { runDatabase, users, accounts, login } = await importWorld(t)
  const tid = '11111111-2222-3333-4444-555555555555'
  const printed = await runDatabase('supabase', `
    CREATE SCHEMA auth;
    CREATE TABLE auth.users (id uuid PRIMARY KEY, email varchar(255), encrypted_password varchar(255),
      email_confirmed_at timestamptz, phone text, raw_app_meta_data jsonb, raw_user_meta_data jsonb,
      created_at timestamptz, last_sign_in_at timestamptz, banned_until timestamptz, deleted_at timestamptz,
      is_anonymous boolean NOT NULL DEFAULT false);
    CREATE TABLE auth.identities (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), provider_id text NOT NULL,
      user_id uuid NOT NULL REFERENCES auth.users, identity_data jsonb NOT NULL, provider text NOT NULL,
      last_sign_in_at timestamptz, created_at timestamptz, updated_at timestamptz);
    INSERT INTO auth.users VALUES
      ('00000000-0000-4000-8000-000000000001', 'octocat@github.com', '$2a$10$hash', now(), null,
        '{"provider":"github","providers":["github"],"plan":"pro"}', '{"full_name":"Octo","is_admin":true}',
        '2023-01-02T03:04:05Z', '2024-01-02T03:04:05Z', null, null),
      ('00000000-0000-4000-8000-000000000002', null, null, null, '4915112345', '{}', '{}', now(), now(), null, null),
      ('00000000-0000-4000-8000-000000000003', null, null, null, null, '{}', '{}', now(), now(), null, null),
      ('00000000-0000-4000-8000-000000000004', 'm@example.com', null, now(), null, '{}', '{}', now(), now(),
        now() + interval '1 year', null);
    UPDATE auth.users SET is_anonymous = true WHERE id::text LIKE '%3';
    INSERT INTO auth.identities (provider_id, user_id, identity_data, provider, created_at) VALUES
      ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001', '{}', 'email', now()),
      ('1', '00000000-0000-4000-8000-000000000001', '{"sub":"1","email":"octocat@github.com","email_verified":true,
        "user_name":"octocat","full_name":"Octo"}', 'github', now()),
      ('4915112345', '00000000-0000-4000-8000-000000000002', '{}', 'phone', now()),
      ('pairwise', '00000000-0000-4000-8000-000000000004', '{"sub":"pairwise","email":"m@example.com",
        "email_verified":true,"custom_claims":{"tid":"${tid}","oid":"object"}}', 'azure', now())`, '--metadata')
  t.match(printed, '4 people read: 2 added')
  t.match(printed, /no_identity \(phone\)[^]*no_identity \(anonymous\)/)
  const [octo, micro] = await users()
  t.match(octo, {
    email: 'octocat@github.com',
    name: 'Octo',
    created_at: new Date('2023-01-02T03:04:05Z'),
    last_login_at: new Date('2024-01-02T03:04:05Z')
  })
  t.same(octo.metadata, { plan: 'pro', imported: { from: 'supabase', id: '00000000-0000-4000-8000-000000000001' } },
    'what the person could write, raw_user_meta_data, stays behind')
  t.match(micro, { email: null, disabled: true })
  t.match(await accounts(), [
    { provider: 'github', subject: '1', username: 'octocat', email_verified: true },
    {
      provider: 'microsoft',
      issuer: `https://login.microsoftonline.com/${tid}/v2.0`,
      subject: `${tid}.object`,
      email_verified: false
    }
  ])
  t.equal((await login('github')).user.id, octo.id)
})

t.test('better-auth: since 1.7 accounts have an issuer, which has the tenant of Microsoft', async (t) => {
  const { runDatabase, accounts } = await importWorld(t)
  const [tid, oid] = ['11111111-2222-3333-4444-555555555555', '66666666-7777-8888-9999-000000000000']
  const issuer = `https://login.microsoftonline.com/${tid}/v2.0`
  const printed = await runDatabase('better-auth', `
    CREATE TABLE "user" (id text PRIMARY KEY, name text NOT NULL, email text NOT NULL UNIQUE, "emailVerified" boolean
      NOT NULL, image text, "createdAt" timestamptz NOT NULL DEFAULT now(), "updatedAt" timestamptz NOT NULL
      DEFAULT now());
    CREATE TABLE account (id text PRIMARY KEY, issuer text NOT NULL, "accountId" text NOT NULL, "providerId" text NOT
      NULL, "userId" text NOT NULL REFERENCES "user", "accessToken" text, "refreshToken" text, "idToken" text,
      "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, scope text, password text,
      "createdAt" timestamptz NOT NULL DEFAULT now(), "updatedAt" timestamptz NOT NULL DEFAULT now(),
      UNIQUE (issuer, "accountId"));
    INSERT INTO "user" (id, name, email, "emailVerified") VALUES ('b1', 'Micro', 'm@example.com', true),
      ('b2', 'Old', 'o@example.com', true), ('b3', 'Git', 'g@example.com', true);
    INSERT INTO account (id, issuer, "accountId", "providerId", "userId") VALUES
      ('1', '${issuer}', '${oid}', 'microsoft', 'b1'),
      ('2', '${issuer}', 'AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ', 'microsoft', 'b2'),
      ('3', 'local:oauth:github', '1', 'github', 'b3')`)
  t.match(printed, /3 people read: 2 added[^]*1 {2}foreign_subject \(microsoft\)/)
  t.match(await accounts(), [
    { of: 'b1', provider: 'microsoft', issuer, subject: `${tid}.${oid}`, email_verified: false },
    { of: 'b3', provider: 'github', subject: '1', email_verified: true }
  ])
})

t.test('better-auth: rows of SQLite, which has 1 for true and, before 1.4, seconds for times', async (t) => {
  const { runFile, users, accounts } = await importWorld(t)
  const [second, hour] = [Math.floor(Date.now() / 1000), 3600]
  const user = (id: string, more: object) => ({
    id,
    name: id,
    email: `${id}@example.com`,
    email_verified: 1,
    image: null,
    created_at: 1714557600,
    updated_at: 1714557600,
    role: 'user',
    banned: 0,
    ban_reason: null,
    ban_expires: null,
    ...more
  })
  await runFile('better-auth', [
    user('b1', {}),
    user('b2', { banned: 1, ban_expires: null }),
    user('b3', { banned: 1, ban_expires: second + hour }),
    user('b4', { banned: 1, ban_expires: second - hour }),
    user('b5', { banned: 1, ban_expires: (second + hour) * 1000, email_verified: 0 })
  ].map((one) => ({
    user: one,
    accounts: [{ id: `a-${one.id}`, account_id: one.id, provider_id: 'google', user_id: one.id }]
  })))
  t.match((await users()).map(({ email, disabled }) => [email, disabled]), [
    ['b1@example.com', false], ['b2@example.com', true], ['b3@example.com', true], ['b4@example.com', false],
    [null, true]
  ])
  t.match((await users())[0], { created_at: new Date(1714557600_000) })
  t.equal((await accounts()).length, 5)
})

/** All columns, as the migrations of supabase/auth leave them. */
const SUPABASE_TABLES = `
  CREATE SCHEMA auth;
  CREATE TABLE auth.users (instance_id uuid, id uuid PRIMARY KEY, aud varchar(255), role varchar(255),
    email varchar(255), encrypted_password varchar(255), email_confirmed_at timestamptz, invited_at timestamptz,
    confirmation_token varchar(255), confirmation_sent_at timestamptz, recovery_token varchar(255),
    recovery_sent_at timestamptz, email_change_token_new varchar(255), email_change varchar(255),
    email_change_sent_at timestamptz, last_sign_in_at timestamptz, raw_app_meta_data jsonb, raw_user_meta_data jsonb,
    is_super_admin boolean, created_at timestamptz, updated_at timestamptz, phone text UNIQUE DEFAULT null,
    phone_confirmed_at timestamptz, phone_change text DEFAULT '', phone_change_token varchar(255) DEFAULT '',
    phone_change_sent_at timestamptz,
    confirmed_at timestamptz GENERATED ALWAYS AS (LEAST(email_confirmed_at, phone_confirmed_at)) STORED,
    email_change_token_current varchar(255) DEFAULT '', email_change_confirm_status smallint DEFAULT 0,
    banned_until timestamptz, reauthentication_token varchar(255) DEFAULT '', reauthentication_sent_at timestamptz,
    is_sso_user boolean NOT NULL DEFAULT false, deleted_at timestamptz, is_anonymous boolean NOT NULL DEFAULT false);
  CREATE TABLE auth.identities (provider_id text NOT NULL, user_id uuid NOT NULL REFERENCES auth.users,
    identity_data jsonb NOT NULL, provider text NOT NULL, last_sign_in_at timestamptz, created_at timestamptz,
    updated_at timestamptz, email text GENERATED ALWAYS AS (lower(identity_data->>'email')) STORED,
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), UNIQUE (provider_id, provider));`
const supabaseId = (n: number) => `00000000-0000-4000-8000-00000000000${n}`

t.test('supabase/auth: whoever is banned, for 100 years or for ever, comes disabled', async (t) => {
  const { runDatabase, users } = await importWorld(t)
  await runDatabase('supabase', `${SUPABASE_TABLES}
    INSERT INTO auth.users (id, created_at, banned_until) VALUES
      ('${supabaseId(1)}', now(), now() + interval '876000h'), ('${supabaseId(2)}', now(), 'infinity'),
      ('${supabaseId(3)}', now(), now() - interval '1h'), ('${supabaseId(4)}', now(), null);
    INSERT INTO auth.identities (provider_id, user_id, identity_data, provider, created_at)
      SELECT '10' || right(id::text, 1), id, '{}', 'google', now() FROM auth.users`)
  t.match((await users()).map(({ disabled }) => disabled), [true, true, false, false])
})

t.test('supabase/auth: a confirmed phone number confirms no address', async (t) => {
  const { runDatabase, users } = await importWorld(t)
  const printed = await runDatabase('supabase', `${SUPABASE_TABLES}
    INSERT INTO auth.users (id, email, phone, email_confirmed_at, phone_confirmed_at, created_at) VALUES
      ('${supabaseId(1)}', 'victim@example.com', '4915112345', null, now(), now()),
      ('${supabaseId(2)}', 'own@example.com', null, now(), null, now());
    INSERT INTO auth.identities (provider_id, user_id, identity_data, provider, created_at) VALUES
      ('${supabaseId(1)}', '${supabaseId(1)}', '{"sub":"${supabaseId(1)}","phone_verified":false}', 'phone', now()),
      ('${supabaseId(2)}', '${supabaseId(2)}', '{"sub":"${supabaseId(2)}","email":"own@example.com",
        "email_verified":true,"phone_verified":false}', 'email', now())`, '--by-email')
  t.match(printed, /2 people read: 1 added[^]*no_identity \(phone\)/)
  t.match((await users()).map(({ email }) => email), ['own@example.com'])
})

t.test('supabase/auth: an address of the old Slack provider is not verified', async (t) => {
  const { runDatabase, accounts } = await importWorld(t)
  const claims = (sub: string) => JSON.stringify({
    iss: 'https://slack.com/api',
    sub,
    name: 'Jane',
    email: `${sub.toLowerCase()}@example.com`,
    picture: 'https://example.com/j.png',
    full_name: 'Jane',
    avatar_url: 'https://example.com/j.png',
    provider_id: sub,
    custom_claims: { 'https://slack.com/team_id': 'T1' },
    email_verified: true,
    phone_verified: false
  })
  await runDatabase('supabase', `${SUPABASE_TABLES}
    INSERT INTO auth.users (id, created_at) VALUES ('${supabaseId(1)}', now()), ('${supabaseId(2)}', now());
    INSERT INTO auth.identities (provider_id, user_id, identity_data, provider, created_at) VALUES
      ('U1', '${supabaseId(1)}', '${claims('U1')}', 'slack', now()),
      ('U2', '${supabaseId(2)}', '${claims('U2')}', 'slack_oidc', now())`)
  t.match(await accounts(), [
    { provider: 'slack', issuer: 'https://slack.com/T1', subject: 'U1', email_verified: false },
    { provider: 'slack', issuer: 'https://slack.com/T1', subject: 'U2', email_verified: true }
  ])
})

t.test('Firebase Auth: `firebase auth:export`', async (t) => {
  const { runFile, users, accounts, login } = await importWorld(t)
  const printed = await runFile('firebase', {
    users: [
      {
        localId: 'f1',
        email: 'octocat@github.com',
        emailVerified: true,
        displayName: 'Octo "the" {Cat}',
        photoUrl: 'https://example.com/o.png',
        lastSignedInAt: '1704164645000',
        createdAt: '1672628645000',
        customAttributes: '{"roles":["editor"],"tier":2}',
        providerUserInfo: [
          { providerId: 'github.com', rawId: '1', email: 'OctoCat@github.com', displayName: 'Octo "the" {Cat}' },
          { providerId: 'twitter.com', rawId: '77', displayName: 'Octo' }
        ]
      },
      { localId: 'f2', email: 'p@example.com', passwordHash: 'x', salt: 'y', createdAt: '1', providerUserInfo: [] },
      { localId: 'f3', phoneNumber: '+4915112345', providerUserInfo: [] },
      { localId: 'f4', disabled: true, providerUserInfo: [{ providerId: 'google.com', rawId: '104' }] }
    ]
  }, '--metadata', '--role', 'editor', '--role', 'admin')
  t.match(printed, '4 people read: 2 added')
  t.match(printed, /no_identity \(password\)[^]*no_identity \(phone\)/)
  const [octo, other] = await users()
  t.match(octo, {
    email: 'octocat@github.com',
    name: 'Octo "the" {Cat}',
    roles: ['editor'],
    metadata: { tier: 2 },
    created_at: new Date(1672628645000),
    last_login_at: new Date(1704164645000)
  })
  t.match(other, { email: null, disabled: true })
  t.match(await accounts(), [
    { provider: 'github', subject: '1', email_verified: true },
    { provider: 'x', issuer: 'https://x.com', subject: '77', email_verified: false },
    { provider: 'google', subject: '104' }
  ])
  t.equal((await login('github')).user.id, octo.id)
})

t.test('Firebase Auth: the users of the Admin SDK, which has Apple too', async (t) => {
  const { runFile, users, accounts } = await importWorld(t)
  await runFile('firebase', [{
    uid: 'f1',
    email: 'a@example.com',
    emailVerified: true,
    displayName: 'Ada',
    disabled: false,
    metadata: { creationTime: 'Mon, 13 May 2024 10:00:00 GMT', lastSignInTime: 'Tue, 14 May 2024 10:00:00 GMT' },
    customClaims: { tier: 2 },
    providerData: [{ uid: '001.abc.02', email: 'a@example.com', providerId: 'apple.com' }]
  }])
  t.match(await users(), [{ email: 'a@example.com', name: 'Ada', created_at: new Date('2024-05-13T10:00:00Z') }])
  t.same((await users())[0].metadata, { imported: { from: 'firebase', id: 'f1' } }, 'no claims unless asked')
  t.match(await accounts(), [{ provider: 'apple', subject: '001.abc.02', email_verified: true }])
})

t.test('Firebase Auth: an OIDC provider is a built-in one only where --provider says so', async (t) => {
  const { runFile, accounts, acme } = await importWorld(t)
  const people = ['oidc.github', 'oidc.acme'].map((providerId, index) =>
    ({ uid: `f${index}`, providerData: [{ uid: '1', providerId }] }))
  t.match(await runFile('firebase', people), /2 people read: 1 added[^]*unknown_provider \(oidc\.github\)/)
  t.match(await accounts(), [{ of: 'f1', provider: 'acme', issuer: acme.url, subject: '1' }])
  await runFile('firebase', people, '--provider', 'oidc.github=github')
  t.match(await accounts(), [{ of: 'f0', provider: 'github', subject: '1' }, { of: 'f1' }])
})

t.test('Auth0: the bulk user export, a line for each user', async (t) => {
  const { run, users, accounts, acme, login } = await importWorld(t)
  const folder = t.testdir({
    'people.json': [
      {
        user_id: 'google-oauth2|1138',
        email: 'octo@example.com',
        email_verified: true,
        name: 'Octo',
        picture: 'https://example.com/o.png',
        created_at: '2023-01-02T03:04:05.000Z',
        last_login: '2024-01-02T03:04:05.000Z',
        app_metadata: { plan: 'pro', roles: ['editor'] },
        user_metadata: { plan: 'free' },
        identities: [
          { provider: 'google-oauth2', user_id: '1138', connection: 'google-oauth2', isSocial: true },
          {
            provider: 'oidc',
            user_id: 'acme|jane',
            connection: 'acme',
            isSocial: false,
            profileData: { email: 'jane@example.com', email_verified: true }
          }
        ]
      },
      {
        user_id: 'auth0|5f7c',
        email: 'p@example.com',
        email_verified: true,
        identities: [{ provider: 'auth0', user_id: '5f7c', connection: 'Username-Password-Authentication' }]
      },
      { user_id: 'apple|001.abc.02', email: 'a@privaterelay.appleid.com', email_verified: true, blocked: true },
      { user_id: 'vkontakte|9', identities: [{ provider: 'vkontakte', user_id: '9', connection: 'vkontakte' }] }
    ].map((user) => `${JSON.stringify(user)}\n`).join('')
  })
  const printed = await run('--from', 'auth0', '--file', `${folder}/people.json`, '--metadata')
  t.match(printed, '4 people read: 2 added')
  t.match(printed, /no_identity \(password\)[^]*unknown_provider \(vkontakte\)/)
  t.match(await users(), [
    { email: 'a@privaterelay.appleid.com', disabled: true },
    { email: 'octo@example.com', roles: [], metadata: { plan: 'pro' } }
  ])
  t.match(await accounts(), [
    { of: 'apple|001.abc.02', provider: 'apple', issuer: 'https://appleid.apple.com', subject: '001.abc.02' },
    { of: 'google-oauth2|1138', provider: 'acme', issuer: acme.url, subject: 'jane', email: 'jane@example.com' },
    { of: 'google-oauth2|1138', provider: 'google', issuer: GOOGLE, subject: '1138', email_verified: true }
  ])
  t.equal((await login('acme')).user.id, (await users())[1].id)
})

const CLERK_CSV = [
  'id,first_name,last_name,username,primary_email_address,primary_phone_number,verified_email_addresses,' +
    'unverified_email_addresses,verified_phone_numbers,unverified_phone_numbers,totp_secret,password_digest,' +
    'password_hasher',
  'user_1,Octo,"Cat, the ""first""",octo,octocat@github.com,,octocat@github.com,,,,,,',
  'user_2,Un,Verified,,un@example.com,,,un@example.com,,,,$2a$10$x,bcrypt',
  'user_3,Pho,Ne,,,+4915112345,,,+4915112345,,,,',
  ''
].join('\r\n')

t.test('Clerk: the CSV of the dashboard has no accounts, so people come by their verified address', async (t) => {
  const { runFile, users, accounts, login } = await importWorld(t)
  const without = await runFile('clerk', CLERK_CSV)
  t.match(without, '3 people read: 0 added')
  t.match(without, /--by-email brings those whose address the source verified/)
  const printed = await runFile('clerk', CLERK_CSV, '--by-email')
  t.match(printed, '3 people read: 1 added')
  t.match(printed, /no_identity \(password\)[^]*no_identity \(phone\)/)
  t.match(await users(), [{ email: 'octocat@github.com', name: 'Octo Cat, the "first"' }])
  t.match(await accounts(), [{ provider: 'imported', issuer: 'clerk', subject: 'user_1', email_verified: true }])
  const { user } = await login('github')
  t.equal(user.id, (await users())[0].id, 'GitHub says the same address, verified')
  t.match(user.accounts.map(({ provider }: { provider: string }) => provider).sort(), ['github', 'imported'])
})

t.test('Clerk: the JSON of the Backend API has the accounts', async (t) => {
  const { runFile, users, accounts, login } = await importWorld(t)
  const verified = { status: 'verified', strategy: 'from_oauth_github' }
  const printed = await runFile('clerk', [
    {
      id: 'user_1',
      object: 'user',
      first_name: 'Octo',
      last_name: null,
      image_url: 'https://img.clerk.com/o',
      primary_email_address_id: 'idn_1',
      password_enabled: false,
      banned: false,
      created_at: 1672628645000,
      last_sign_in_at: 1704164645000,
      public_metadata: { plan: 'pro' },
      private_metadata: { risk: 'high' },
      unsafe_metadata: { plan: 'free' },
      email_addresses: [{ id: 'idn_1', email_address: 'octocat@github.com', verification: verified }],
      external_accounts: [
        {
          provider: 'oauth_github',
          provider_user_id: '1',
          email_address: 'octocat@github.com',
          username: 'octocat',
          verification: verified
        },
        {
          provider: 'oauth_google',
          provider_user_id: '9',
          email_address: 'x@example.com',
          verification: { status: 'unverified' }
        }
      ]
    }
  ], '--metadata')
  t.match(printed, '1 people read: 1 added')
  const [user] = await users()
  t.match(user, { email: 'octocat@github.com', created_at: new Date(1672628645000) })
  t.same(user.metadata, { plan: 'pro', imported: { from: 'clerk', id: 'user_1' } })
  t.match(await accounts(), [{ provider: 'github', subject: '1', username: 'octocat', email_verified: true }])
  t.equal((await accounts()).length, 1, 'an account that Clerk did not verify stays behind')
  t.equal((await login('github')).user.id, user.id)
})

t.test('Clerk: the object of a Google account, as it was before it had a provider', async (t) => {
  const { runFile, accounts } = await importWorld(t)
  const account = {
    approved_scopes: 'email openid profile',
    created_at: 1672628645000,
    email_address: 'jane@example.com',
    family_name: 'Doe',
    given_name: 'Jane',
    google_id: '1138',
    id: 'idn_2',
    label: null,
    object: 'google_account',
    picture: 'https://example.com/j.png',
    public_metadata: {},
    updated_at: 1672628645000,
    username: null,
    verification: { attempts: null, expire_at: 1672628645000, status: 'verified', strategy: 'oauth_google' }
  }
  const address = {
    id: 'idn_1',
    object: 'email_address',
    email_address: 'jane@example.com',
    linked_to: [{ id: 'idn_2', type: 'oauth_google' }],
    verification: { attempts: null, expire_at: null, status: 'verified', strategy: 'from_oauth_google' }
  }
  const user = { object: 'user', primary_email_address_id: 'idn_1', created_at: 1672628645000 }
  await runFile('clerk', [
    { ...user, id: 'user_1', email_addresses: [address], external_accounts: [account] },
    {
      ...user,
      id: 'user_2',
      email_addresses: [],
      external_accounts: [{ ...account, google_id: '1139', provider: 'oauth_google', provider_user_id: '1139' }]
    }
  ])
  t.match(await accounts(), [
    { of: 'user_1', provider: 'google', issuer: GOOGLE, subject: '1138', email_verified: true },
    { of: 'user_2', provider: 'google', issuer: GOOGLE, subject: '1139', email_verified: false }
  ])
})

t.test('OpenAuth: it stores no accounts, and the addresses of people with a password', async (t) => {
  const { runFile, users, login } = await importWorld(t)
  const key = (...parts: string[]) => parts.join('\x1f')
  const store = [
    [key('email', 'octocat@github.com', 'password'), { value: { hash: 'x' } }],
    [key('email', 'octocat@github.com', 'subject'), { value: 'user:abc' }],
    [key('oauth:refresh', 'user:abc', 'token'), { value: { type: 'user', properties: { id: '1' } }, expiry: 1 }],
    [key('oauth:refresh', 'user:def', 'token1'), { value: { type: 'user', properties: { id: '2' } } }],
    [key('oauth:refresh', 'user:def', 'token2'), { value: { type: 'user', properties: { id: '2' } } }],
    [key('signing:key', '1'), { value: {} }]
  ]
  const printed = await runFile('openauth', store, '--by-email')
  t.match(printed, '2 people read: 1 added')
  t.match(printed, /no_identity \(nothing to sign in with\)/)
  t.match(await users(), [{ email: 'octocat@github.com', metadata: { imported: { id: 'user:abc' } } }])
  t.equal((await login('github')).user.id, (await users())[0].id)
})
