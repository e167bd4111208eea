import type pg from 'pg'

/** Names that repeat, so that a search finds a share of the users. */
const NAME = `(ARRAY['Ada', 'Grace', 'Alan', 'Edsger', 'Barbara', 'Donald', 'Radia', 'Vint'])[1 + n % 8]
  || ' ' || (ARRAY['Miller', 'Smith', 'Sato', 'Silva', 'Okafor'])[1 + n % 5] || ' ' || n`

/** The endpoint of one delivery in a thousand. */
export const WEBHOOK_ID = 'aaaaaaaa-0000-7000-8000-000000000003'

/**
 * One user in a thousand is disabled, and the first 25; five have an account at a provider of their own; all were
 * created in the last two years.
 */
const STATEMENTS: [what: string, text: string][] = [
  ['users', `INSERT INTO users (id, name, email, disabled_at, created_at)
    SELECT md5('user' || n)::uuid, ${NAME}, 'person' || n || '@example' || n % 50 || '.com',
      CASE WHEN n % 1000 = 7 OR n <= 25 THEN now() END, now() - n * (interval '2 years' / $1)
    FROM generate_series(1, $1) n`],
  ['accounts', `INSERT INTO accounts (id, user_id, provider, issuer, subject, email_verified, scope)
    SELECT gen_random_uuid(), md5('user' || n)::uuid, CASE WHEN n <= 5 AND p = 'acme' THEN 'rare' ELSE p END,
      'https://' || p || '.example', n::text, true, ''
    FROM generate_series(1, $1) n, unnest(ARRAY['github', 'google', 'acme']) p`],
  ['sessions', `INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, authenticated_at,
      created_at, idle_expires_at, expires_at)
    SELECT md5('session' || n)::uuid, md5('user' || n)::uuid, 'signet', 'github', '', '', now(),
      now() - n * (interval '100 days' / $1), now() + interval '30 days', now() + interval '80 days'
    FROM generate_series(1, $1) n`],
  ['audit events', `INSERT INTO audit_events (id, type, user_id, actor_id, created_at)
    SELECT gen_random_uuid(), CASE WHEN n % 1000 = 7 THEN 'account.unlinked' ELSE type END, md5('user' || n)::uuid,
      md5('user' || n)::uuid, now() - n * (interval '1 year' / $1)
    FROM generate_series(1, $1) n, unnest(ARRAY['user.created', 'login.succeeded']) type`],
  ['webhook deliveries', `INSERT INTO webhook_deliveries (id, endpoint_id, user_id, type, details, status, created_at,
      expires_at)
    SELECT gen_random_uuid(), CASE WHEN n % 1000 = 7 THEN '${WEBHOOK_ID}' ELSE md5('endpoint' || n % 3)::uuid END,
      md5('user' || n)::uuid, 'user.created', '{}', 'delivered',
      now() - n * (interval '30 days' / $1), now() + interval '30 days'
    FROM generate_series(1, $1) n`]
]

export const ADMIN_ID = 'aaaaaaaa-0000-7000-8000-000000000001'
export const ADMIN_SESSION_ID = 'aaaaaaaa-0000-7000-8000-000000000002'

/** The administrator who reads, with an account, a session and events. */
const ADMIN: string[] = [
  `INSERT INTO users (id, name, email, roles) VALUES ('${ADMIN_ID}', 'Root', 'root@example.com', '{admin}')`,
  `INSERT INTO accounts (id, user_id, provider, issuer, subject, email_verified, scope)
    VALUES (gen_random_uuid(), '${ADMIN_ID}', 'github', 'https://github.example', 'root', true, '')`,
  `INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, authenticated_at, idle_expires_at,
      expires_at)
    VALUES ('${ADMIN_SESSION_ID}', '${ADMIN_ID}', 'signet', 'github', '', '', now(), now() + interval '1 day',
      now() + interval '1 day')`,
  `INSERT INTO webhook_endpoints (id, url, types, sealed_secret)
    VALUES ('${WEBHOOK_ID}', 'https://hooks.example.com/', '{user.created}', '')`,
  `INSERT INTO audit_events (id, type, user_id, actor_id)
    SELECT gen_random_uuid(), 'login.succeeded', '${ADMIN_ID}', '${ADMIN_ID}' FROM generate_series(1, 30)`
]

/**
 * Inserts users, for each three accounts, a session, two audit events and a webhook delivery, and the administrator;
 * then gathers the planner's statistics.
 */
export async function seed (sql: pg.Pool, users: number, progress: (what: string) => void = () => {}): Promise<void> {
  for (const [what, text] of STATEMENTS) {
    progress(`${users} users: ${what} ...`)
    await sql.query(text.replaceAll('$1', String(users)))
  }
  for (const text of ADMIN) await sql.query(text)
  progress(`${users} users: statistics ...`)
  await sql.query('VACUUM ANALYZE')
}
