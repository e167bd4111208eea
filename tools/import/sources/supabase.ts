import { member } from '../../../src/providers/claims.ts'
import { first, idOf, items, time } from '../person.ts'
import { each, type Source } from '../source.ts'

/**
 * supabase/auth: the tables auth.users and auth.identities (https://supabase.com/docs/guides/auth/identities).
 * `provider_id` is the provider's id of the person, or the user's own id for `email` and `phone`; before 2023 the
 * column was `id`. `raw_user_meta_data` can be written by the person and stays behind.
 */
export const supabase: Source = {
  id: 'supabase',
  name: 'supabase/auth',
  format: 'json',

  query: async (tables) => `
    SELECT jsonb_build_object('user', to_jsonb(u) - '{${SECRETS.join(',')}}'::text[], 'identities', i.identities)
      AS person
    FROM ${await tables(['auth.users'])} u LEFT JOIN (
      SELECT user_id, jsonb_agg(to_jsonb(i) ORDER BY i.created_at) AS identities
      FROM ${await tables(['auth.identities'])} i GROUP BY 1
    ) i ON i.user_id = u.id
    ORDER BY u.id`,

  people: each((record) => {
    const user = member(record, 'user')
    const identities = items(member(record, 'identities'))
    const { provider, providers, ...metadata } = Object(member(user, 'raw_app_meta_data'))
    const has = (name: string) => identities.some((identity) => member(identity, 'provider') === name)
    return {
      id: idOf(member(user, 'id')),
      email: member(user, 'email'),
      // Not `confirmed_at`: a confirmed phone number sets it as well.
      emailVerified: time(member(user, 'email_confirmed_at')) !== undefined,
      name: first(member(user, 'raw_user_meta_data'), 'full_name', 'name'),
      avatarUrl: first(member(user, 'raw_user_meta_data'), 'avatar_url', 'picture'),
      createdAt: time(member(user, 'created_at')),
      lastLoginAt: time(member(user, 'last_sign_in_at')),
      isBlocked: isBlocked(user),
      otherWays: [
        ...has('email') ? ['password' as const] : [],
        ...has('phone') || text(member(user, 'phone')) ? ['phone' as const] : [],
        ...member(user, 'is_anonymous') === true ? ['anonymous' as const] : [],
        ...identities.some(isSaml) ? ['SAML' as const] : []
      ],
      roles: member(metadata, 'roles') ?? member(metadata, 'role'),
      metadata,
      identities: identities
        .filter((identity) => !['email', 'phone'].includes(String(member(identity, 'provider'))) && !isSaml(identity))
        .map(toIdentity)
    }
  })
}

const SECRETS = [
  'encrypted_password', 'confirmation_token', 'recovery_token', 'email_change_token_new', 'email_change_token_current',
  'phone_change_token', 'reauthentication_token'
]

const text = (value: unknown) => typeof value === 'string' && value !== ''
const isSaml = (identity: unknown) => String(member(identity, 'provider')).startsWith('sso:')

/** Banned, or deleted softly. */
function isBlocked (user: unknown): boolean {
  const until = first(user, 'banned_until')
  // Not a time: `infinity`, and the 100 years of Supabase's own example.
  const end = time(until)
  const isBanned = until !== undefined && (end === undefined || end > new Date())
  return isBanned || time(member(user, 'deleted_at')) !== undefined
}

function toIdentity (identity: unknown) {
  const claims = member(identity, 'identity_data')
  const provider = String(member(identity, 'provider'))
  return {
    provider,
    subject: first(identity, 'provider_id', 'id'),
    username: first(claims, 'user_name', 'preferred_username'),
    email: member(claims, 'email'),
    // For `slack` it is always true; for `slack_oidc` it is what Slack said.
    emailVerified: provider !== 'slack' && member(claims, 'email_verified') === true,
    name: first(claims, 'full_name', 'name'),
    avatarUrl: first(claims, 'avatar_url', 'picture'),
    claims: { ...Object(claims), ...Object(member(claims, 'custom_claims')) }
  }
}
