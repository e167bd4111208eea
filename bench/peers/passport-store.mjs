import { createHash, randomBytes, randomUUID } from 'node:crypto'
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10, options: '-c search_path=passport' })

export async function createTables () {
  await pool.query(`
    CREATE SCHEMA IF NOT EXISTS passport;
    CREATE TABLE IF NOT EXISTS users (
      id uuid PRIMARY KEY, name text, email text UNIQUE, created_at timestamptz DEFAULT now(),
      last_login_at timestamptz);
    CREATE TABLE IF NOT EXISTS accounts (
      provider text, subject text, user_id uuid REFERENCES users, name text, email text, access_token text,
      last_login_at timestamptz, PRIMARY KEY (provider, subject));
    CREATE TABLE IF NOT EXISTS sessions (
      id uuid PRIMARY KEY, user_id uuid REFERENCES users, ip_address text, user_agent text,
      created_at timestamptz DEFAULT now(), expires_at timestamptz);
    CREATE TABLE IF NOT EXISTS refresh_tokens (
      hash bytea PRIMARY KEY, session_id uuid REFERENCES sessions, expires_at timestamptz);
    CREATE TABLE IF NOT EXISTS audit_events (
      id uuid PRIMARY KEY, type text, user_id uuid, session_id uuid, ip_address text, user_agent text,
      created_at timestamptz DEFAULT now());
    CREATE INDEX IF NOT EXISTS accounts_user ON accounts (user_id);
    CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user_id);
    CREATE INDEX IF NOT EXISTS audit_events_user ON audit_events (user_id)`)
}

/** Finds or creates the user, and opens a session with a refresh token, in one transaction of prepared statements. */
export async function signIn (profile, request) {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const id = await findOrCreateUser(client, profile)
    const session = await openSession(client, id, request)
    await client.query('COMMIT')
    return { id, name: profile.name, email: profile.email, ...session }
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}

async function findOrCreateUser (client, { provider, subject, name, email, accessToken }) {
  const { rows: [account] } = await client.query({
    name: 'find-account',
    text: 'SELECT user_id FROM accounts WHERE provider = $1 AND subject = $2',
    values: [provider, subject]
  })
  if (account) {
    await client.query({
      name: 'update-user',
      text: 'UPDATE users SET name = $2, email = $3, last_login_at = now() WHERE id = $1',
      values: [account.user_id, name, email]
    })
    await client.query({
      name: 'update-account',
      text: `UPDATE accounts SET name = $3, email = $4, access_token = $5, last_login_at = now()
        WHERE provider = $1 AND subject = $2`,
      values: [provider, subject, name, email, accessToken]
    })
    return account.user_id
  }
  const { rows: [user] } = await client.query({
    name: 'create-user',
    text: `INSERT INTO users (id, name, email, last_login_at) VALUES ($1, $2, $3, now())
      ON CONFLICT (email) DO UPDATE SET last_login_at = now() RETURNING id`,
    values: [randomUUID(), name, email]
  })
  await client.query({
    name: 'create-account',
    text: `INSERT INTO accounts (provider, subject, user_id, name, email, access_token, last_login_at)
      VALUES ($1, $2, $3, $4, $5, $6, now())`,
    values: [provider, subject, user.id, name, email, accessToken]
  })
  return user.id
}

async function openSession (client, userId, { ip, headers: { 'user-agent': userAgent } }) {
  const sessionId = randomUUID()
  const refreshToken = randomBytes(32).toString('base64url')
  await client.query({
    name: 'create-session',
    text: `INSERT INTO sessions (id, user_id, ip_address, user_agent, expires_at)
      VALUES ($1, $2, $3, $4, now() + interval '30 days')`,
    values: [sessionId, userId, ip, userAgent]
  })
  await client.query({
    name: 'create-refresh-token',
    text: "INSERT INTO refresh_tokens (hash, session_id, expires_at) VALUES ($1, $2, now() + interval '30 days')",
    values: [createHash('sha256').update(refreshToken).digest(), sessionId]
  })
  await client.query({
    name: 'create-audit-event',
    text: `INSERT INTO audit_events (id, type, user_id, session_id, ip_address, user_agent)
      VALUES ($1, 'login.succeeded', $2, $3, $4, $5)`,
    values: [randomUUID(), userId, sessionId, ip, userAgent]
  })
  return { sessionId, refreshToken }
}

export async function findUser (id) {
  const statement = { name: 'find-user', text: 'SELECT id, name, email FROM users WHERE id = $1', values: [id] }
  return (await pool.query(statement)).rows[0]
}
