/** The longest that an access token may live (ACCESS_TOKEN_TTL is an hour at most), and five minutes for clocks. */
const KEPT_FOR = "interval '65 minutes'"

const row = (sessionId: string, userId: string) =>
  `SELECT pg_current_xact_id()::text::bigint, ${sessionId}, ${userId}, clock_timestamp(), clock_timestamp() + ${KEPT_FOR}`

const INSERT = 'INSERT INTO revocations (transaction_id, session_id, user_id, revoked_at, expires_at)'

/**
 * For the statement that writes `events` down (audit/events.ts): this CTE lists whose access tokens they cut off. What ends
 * a session names it in `details.sessionId`. A change of roles that names a session is the login of that session, which
 * gives a role and takes none: its own tokens have the role.
 */
export const CUT_OFF = `cut_off AS (
  ${INSERT}
  ${row("(details->>'sessionId')::uuid", 'NULL::uuid')} FROM events WHERE type IN ('session.revoked', 'token.reuse_detected') AND details ? 'sessionId'
  UNION ALL
  ${row('NULL::uuid', 'user_id')} FROM events
  WHERE (type = 'user.disabled' OR (type = 'user.roles_changed' AND NOT details ? 'sessionId')) AND user_id IS NOT NULL)`

/** For a deletion, before it: the tokens are cut off by their sessions, for nothing may name the user afterwards. */
export const CUT_OFF_DELETED_USER = [
  'DELETE FROM revocations WHERE user_id = $1',
  `${INSERT} ${row('id', 'NULL::uuid')} FROM sessions WHERE user_id = $1 AND revoked_at IS NULL`
]
