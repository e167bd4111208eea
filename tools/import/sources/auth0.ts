import { member } from '../../../src/providers/claims.ts'
import { first, idOf, items, time, type Identity } from '../person.ts'
import { each, type Source } from '../source.ts'

/**
 * Auth0's bulk user export with `"format":"json"`: a line for each user
 * (https://auth0.com/docs/manage-users/user-migration/bulk-user-exports), with the fields of
 * https://auth0.com/docs/manage-users/user-accounts/user-profiles/user-profile-structure. The address at the top is
 * that of the first identity; the others have theirs in `profileData`. `user_metadata` can be written by the person and
 * stays behind. The export has no passwords.
 */
export const auth0: Source = {
  id: 'auth0',
  name: 'Auth0',
  format: 'json',

  people: each((user) => {
    const id = idOf(member(user, 'user_id'))
    const identities = identitiesOf(user, id)
    const has = (pattern: RegExp) => identities.some(({ provider }) => pattern.test(provider))
    const metadata = member(user, 'app_metadata')
    return {
      id,
      email: member(user, 'email'),
      emailVerified: member(user, 'email_verified') === true,
      name: member(user, 'name'),
      avatarUrl: member(user, 'picture'),
      createdAt: time(member(user, 'created_at')),
      lastLoginAt: time(member(user, 'last_login')),
      isBlocked: member(user, 'blocked') === true,
      otherWays: [
        ...has(/^auth0$/) ? ['password' as const] : [],
        ...has(/^sms$/) ? ['phone' as const] : [],
        ...has(/^email$/) ? ['email link' as const] : [],
        ...has(/^(samlp|adfs|ad)$/) ? ['SAML' as const] : []
      ],
      roles: first(metadata, 'roles', 'role'),
      metadata,
      identities: identities.filter(({ provider }) => !/^(auth0|sms|email|samlp|adfs|ad)$/.test(provider))
    }
  })
}

function identitiesOf (user: unknown, id: string): Identity[] {
  const identities = items(member(user, 'identities'))
  // An export without the field `identities` has the first one in the id: `google-oauth2|1234`.
  const [, provider, subject] = /^([^|]+)\|(.+)$/.exec(id) ?? []
  const listed = identities.length > 0 ? identities : [{ provider, user_id: subject }]
  return listed.map((identity, index) => {
    const isFirst = index === 0
    const profile = isFirst ? user : member(identity, 'profileData')
    const connection = member(identity, 'connection')
    const strategy = String(member(identity, 'provider'))
    // Of these the connection is what names the provider, and the id begins with it.
    const isConnection = ['oidc', 'oauth2', 'okta'].includes(strategy) && typeof connection === 'string'
    return {
      provider: isConnection ? connection : strategy,
      subject: withoutPrefix(member(identity, 'user_id'), connection),
      username: first(profile, 'screen_name', 'username'),
      email: member(profile, 'email'),
      emailVerified: member(profile, 'email_verified') === true,
      name: member(profile, 'name'),
      avatarUrl: member(profile, 'picture'),
      claims: { tid: member(profile, 'tenantid'), oid: member(profile, 'oid') }
    }
  })
}

function withoutPrefix (subject: unknown, connection: unknown): unknown {
  const prefix = `${String(connection)}|`
  return typeof subject === 'string' && subject.startsWith(prefix) ? subject.slice(prefix.length) : subject
}
