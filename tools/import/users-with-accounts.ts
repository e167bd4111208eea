/** Columns that must not leave the source: nothing here needs a password's hash or a provider's token. */
const SECRETS = [
  'access_token', 'refresh_token', 'id_token', 'session_state', 'accessToken', 'refreshToken', 'idToken', 'password'
]

/**
 * The query for a table of users and one of their accounts, whichever way their columns are spelled. The accounts are
 * grouped first: older schemas have no index on the user of an account.
 */
export function usersWithAccounts (users: string, accounts: string): string {
  const secrets = `'{${SECRETS.join(',')}}'::text[]`
  return `
    SELECT jsonb_build_object('user', to_jsonb(u) - ${secrets}, 'accounts', a.accounts) AS person
    FROM ${users} u LEFT JOIN (
      SELECT coalesce(account->>'userId', account->>'user_id') AS user_id, jsonb_agg(account) AS accounts
      FROM (SELECT to_jsonb(a) - ${secrets} AS account FROM ${accounts} a) AS accounts GROUP BY 1
    ) a ON a.user_id = u.id::text
    ORDER BY u.id`
}
