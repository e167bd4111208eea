import { EVENT_COLUMNS, RECORDED } from '../audit/old-events.ts'
import { time } from '../users/user-row.ts'

/**
 * A login's SQL: one statement reads, one writes, all or nothing. As a transaction of Prisma's it took ten times the CPU
 * (docs/architecture.md). What is written comes as JSON, whose members are named and typed here; what is read goes as one JSON value
 * too, times as they are answered.
 */

/** $1..$3 an identity, $4 a verified email or null: the user who has the identity, and the user who holds the email. */
export const READ = `
  SELECT json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'avatarUrl', u.avatar_url, 'locale', u.locale,
    'editedFields', u.edited_fields, 'roles', u.roles, 'preferences', u.preferences,
    'isDisabled', u.disabled_at IS NOT NULL, 'updatedAt', ${time('u.updated_at')},
    'accounts', ARRAY(
      SELECT json_build_object('id', a.id, 'provider', a.provider, 'issuer', a.issuer, 'subject', a.subject, 'username', a.username,
        'email', a.email, 'emailVerified', a.email_verified, 'name', a.name, 'avatarUrl', a.avatar_url, 'locale', a.locale, 'scope', a.scope,
        'sealedTokens', a.sealed_tokens, 'createdAt', ${time('a.created_at')}, 'lastLoginAt', ${time('a.last_login_at')})
      FROM accounts a WHERE a.user_id = u.id ORDER BY a.created_at, a.id
    )) AS known
  FROM users u
  WHERE u.id = (SELECT user_id FROM accounts WHERE provider = $1 AND issuer = $2 AND subject = $3) OR u.email = $4`

const INPUT = `
  who AS (SELECT * FROM jsonb_to_record($1::jsonb) AS who(
    "userId" uuid, "seenAt" timestamptz, email text, name text, "avatarUrl" text, locale text, roles text[])),
  identity AS (SELECT * FROM jsonb_to_record($2::jsonb) AS identity(
    id uuid, provider text, issuer text, subject text, username text, email text, "emailVerified" boolean, name text, "avatarUrl" text, locale text,
    scope text, "sealedTokens" text)),
  session AS (SELECT * FROM jsonb_to_record($3::jsonb) AS session(
    id uuid, "clientId" text, scope text, "secretHash" text, "ipAddress" text, "userAgent" text, "idleSeconds" int, "maximumSeconds" int,
    "codeHash" text, "redirectUri" text, "codeChallenge" text, nonce text, "codeSeconds" int))`

const CREATE_USER = `
  the_user AS (
    INSERT INTO users (id, email, name, avatar_url, locale, roles, last_login_at)
    SELECT "userId", email, name, "avatarUrl", locale, roles, now() FROM who
    RETURNING *)`

/** Writes what was decided on what was read: not when the user has changed since, was disabled, or is gone. */
const updateUser = (held: string) => `
  the_user AS (
    UPDATE users u SET email = who.email, name = who.name, avatar_url = who."avatarUrl", locale = who.locale, roles = who.roles, last_login_at = now(),
      updated_at = CASE WHEN (u.email, u.name, u.avatar_url, u.locale, u.roles) IS DISTINCT FROM (who.email, who.name, who."avatarUrl", who.locale, who.roles)
        THEN GREATEST(now(), u.updated_at + interval '1 millisecond') ELSE u.updated_at END
    FROM who${held}
    WHERE u.id = who."userId" AND u.updated_at = who."seenAt" AND u.disabled_at IS NULL
    RETURNING u.*)`

const CREATE_ACCOUNT = `
  the_account AS (
    INSERT INTO accounts (id, user_id, provider, issuer, subject, username, email, email_verified, name, avatar_url, locale, scope, sealed_tokens)
    SELECT identity.id, the_user.id, provider, issuer, subject, username, identity.email, "emailVerified", identity.name, "avatarUrl", identity.locale,
      scope, "sealedTokens"
    FROM identity, the_user
    RETURNING *)`

/** Both rows or neither: an account that was unlinked meanwhile signs nobody in. */
const HOLD = `
  held AS (
    SELECT a.id FROM users u JOIN accounts a ON a.user_id = u.id, who, identity
    WHERE u.id = who."userId" AND a.id = identity.id AND u.updated_at = who."seenAt" AND u.disabled_at IS NULL
    FOR NO KEY UPDATE OF u, a)`

/** Apple tells the name once: what is not said this time stays. So do the tokens when this sign-in brought none. */
const UPDATE_ACCOUNT = `
  the_account AS (
    UPDATE accounts a SET username = identity.username, email = identity.email, email_verified = identity."emailVerified",
      name = COALESCE(identity.name, a.name), avatar_url = identity."avatarUrl", locale = identity.locale, scope = identity.scope,
      sealed_tokens = COALESCE(identity."sealedTokens", a.sealed_tokens), last_login_at = now()
    FROM identity, held WHERE a.id = held.id
    RETURNING a.*)`

const OPEN_SESSION = `
  the_session AS (
    INSERT INTO sessions (id, user_id, client_id, provider, scope, secret_hash, ip_address, user_agent, authenticated_at, idle_expires_at, expires_at)
    SELECT s.id, the_user.id, s."clientId", the_account.provider, s.scope, decode(s."secretHash", 'hex'), s."ipAddress", s."userAgent", now(),
      now() + LEAST(s."idleSeconds", s."maximumSeconds") * interval '1 second', now() + s."maximumSeconds" * interval '1 second'
    FROM session s, the_user, the_account
    RETURNING id, authenticated_at),
  the_code AS (
    INSERT INTO authorization_codes (hash, session_id, client_id, redirect_uri, code_challenge, nonce, expires_at)
    SELECT decode(s."codeHash", 'hex'), the_session.id, s."clientId", s."redirectUri", s."codeChallenge", s.nonce, now() + s."codeSeconds" * interval '1 second'
    FROM session s, the_session WHERE s."codeHash" IS NOT NULL)`

const TOLD = `SELECT event.* FROM jsonb_to_recordset($4::jsonb) AS event(${EVENT_COLUMNS}), the_session`

const EVENTS = `events AS (${TOLD})`

/** Of the user's other sessions, which this statement sees as they were before it, as many stay as leave room for the new one: those used last. */
const END_OLDEST = `
  ended AS (
    UPDATE sessions SET revoked_at = now(), revocation_reason = 'too_many_sessions'
    WHERE revoked_at IS NULL AND id IN (
      SELECT s.id FROM sessions s, the_user, the_session
      WHERE s.user_id = the_user.id AND s.revoked_at IS NULL AND s.idle_expires_at > now() AND s.expires_at > now()
      ORDER BY s.last_used_at DESC, s.id DESC OFFSET $5::int - 1)
    RETURNING id, user_id, client_id, provider, revocation_reason),
  told AS (${TOLD}),
  events AS (
    SELECT * FROM told
    UNION ALL
    SELECT 'session.revoked', user_id, user_id, client_id, provider, ip_address, user_agent, request_id,
      jsonb_build_object('sessionId', id, 'reason', revocation_reason)
    FROM ended, (SELECT ip_address, user_agent, request_id FROM told LIMIT 1) AS caller)`

/** $1 the user as it shall be, $2 the account, $3 the session, $4 the events. No row when what was read is no longer so. */
const write = (...steps: string[]) => `
  WITH ${[INPUT, ...steps, RECORDED].join(',')}
  SELECT json_build_object('createdAt', ${time('u.created_at')}, 'updatedAt', ${time('u.updated_at')}, 'accountName', a.name,
    'accountCreatedAt', ${time('a.created_at')}, 'authenticatedAt', ${time('s.authenticated_at')}) AS written
  FROM the_user u, the_account a, the_session s`

const variants = (...end: string[]) => ({
  create: write(CREATE_USER, CREATE_ACCOUNT, OPEN_SESSION, ...end),
  join: write(updateUser(''), CREATE_ACCOUNT, OPEN_SESSION, ...end),
  'sign-in': write(HOLD, updateUser(', held'), UPDATE_ACCOUNT, OPEN_SESSION, ...end)
})

export const WRITE = variants(EVENTS)

/**
 * The same, and no more than $5 sessions of the user are left alive. In one transaction, after `LOCK_USER`: a login that waits
 * for another sees its session only in a statement that begins when it has waited.
 */
export const WRITE_WITHIN_LIMIT = variants(END_OLDEST)
export const LOCK_USER = 'SELECT 1 FROM users WHERE id = $1 FOR NO KEY UPDATE'
