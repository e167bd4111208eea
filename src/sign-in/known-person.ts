import { v7 as uuidv7 } from 'uuid'
import type { SealedTokens } from '../accounts/provider-tokens.ts'
import { END_COLUMNS, openingEndValues } from '../database/active-session.ts'
import type { Database } from '../database/database.ts'
import { Prisma } from '../database/generated/client.ts'
import type { Caller } from '../http/caller.ts'
import type { Profile } from '../providers/provider.ts'
import { USER } from '../users/user-row.ts'
import type { User } from '../users/user.ts'
import type { NewSession, SignedIn } from './new-session.ts'

export interface KnownPersonSignIn {
  profile: Profile
  tokens: SealedTokens
  /** See `Identified`. */
  authenticatedAt: Date | undefined
  session: NewSession
  /** True where ADMIN_EMAILS lists the profile's address: then the user must be an administrator already. */
  isAdminEmail: boolean
  /** The domains of which the user's address must be; null for any. */
  domains: readonly string[] | null
  caller: Caller
}

const USER_JSON = Prisma.raw(USER)

/**
 * Signs in a known person about whom the provider says nothing new, in one statement. Returns undefined, and opens no
 * session, when anything differs: then find, plan and write decide. Pure optimisation: nothing is lost without it.
 */
export async function signInKnownPerson (
  prisma: Database['prisma'],
  { profile: p, tokens, authenticatedAt, session: s, caller, isAdminEmail, domains }: KnownPersonSignIn
): Promise<SignedIn | undefined> {
  const { ipAddress, userAgent, requestId } = caller
  const [signedIn] = await prisma.$queryRaw<Row[]>`
    WITH u AS (
      UPDATE users u SET last_login_at = now() FROM accounts a
      WHERE a.provider = ${p.provider} AND a.issuer = ${p.issuer} AND a.subject = ${p.subject}
        AND u.id = a.user_id AND u.disabled_at IS NULL
        AND (NOT ${isAdminEmail} OR 'admin' = ANY(u.roles) OR 'roles' = ANY(u.edited_fields))
        AND (${domains}::text[] IS NULL OR split_part(u.email, '@', 2) = ANY(${domains}::text[]))
        AND (a.username, a.email, a.email_verified, a.name, a.avatar_url, a.locale, a.scope) IS NOT DISTINCT FROM
          (${p.username}, ${p.email}, ${p.emailVerified}, COALESCE(${p.name}, a.name), ${p.avatarUrl}, ${p.locale},
          ${p.scope})
        AND (u.email IS NOT NULL OR NOT a.email_verified) AND (u.name IS NOT NULL OR a.name IS NULL)
        AND (u.avatar_url IS NOT NULL OR a.avatar_url IS NULL) AND (u.locale IS NOT NULL OR a.locale IS NULL)
      RETURNING u.*, a.id AS account_id
    ), account AS (
      UPDATE accounts a SET last_login_at = now(), sealed_tokens = COALESCE(${tokens.sealedTokens}, a.sealed_tokens),
        sealed_refresh_token = COALESCE(${tokens.sealedRefreshToken}, a.sealed_refresh_token)
      FROM u WHERE a.id = u.account_id
      RETURNING a.id AS account_id, a.user_id, a.provider
    ), session AS (
      INSERT INTO sessions (id, user_id, account_id, client_id, provider, scope, resources, secret_hash,
        device_code_hash, page_secret_hash, dpop_jkt, ip_address, user_agent, authenticated_at, ${END_COLUMNS})
      SELECT ${uuidv7()}::uuid, user_id, account_id, ${s.clientId}, provider, ${s.scope}, ${s.resources ?? []}::text[],
        ${s.secretHash}, ${s.deviceCodeHash ?? null}::bytea, ${s.pageSecretHash ?? null}::bytea,
        ${s.dpopJkt ?? null}::text, ${ipAddress}, ${userAgent},
        LEAST(${authenticatedAt ?? null}::timestamptz, now()), ${openingEndValues(s)}
      FROM account RETURNING id, user_id, client_id, provider, authenticated_at
    ), code AS (
      INSERT INTO authorization_codes (hash, session_id, client_id, redirect_uri, code_challenge, nonce, dpop_jkt,
        expires_at)
      SELECT ${s.code?.hash ?? null}::bytea, id, client_id, ${s.code?.redirectUri ?? null}::text,
        ${s.code?.codeChallenge ?? null}::text, ${s.code?.nonce ?? null}::text, ${s.code?.dpopJkt ?? null}::text,
        now() + ${s.code?.lifetimeSeconds ?? 0}::int * interval '1 second'
      FROM session WHERE ${s.code !== undefined}
    ), event AS (
      INSERT INTO audit_events (id, type, user_id, actor_id, client_id, provider, ip_address, user_agent, request_id,
        details)
      SELECT ${uuidv7()}::uuid, 'login.succeeded', user_id, user_id, client_id, provider, ${ipAddress}, ${userAgent},
        ${requestId}, jsonb_build_object('sessionId', id)
      FROM session
    )
    SELECT session.id AS "sessionId", authenticated_at AS "authenticatedAt", account_id AS "accountId",
      ${USER_JSON} AS "user"
    FROM session, u`
  return signedIn && toSignedIn(signedIn)
}

interface Row extends Pick<SignedIn, 'sessionId' | 'authenticatedAt'> { accountId: string, user: User }

/** The statement reads the user as it leaves it, and the accounts as it found them. */
function toSignedIn ({ accountId, user, ...session }: Row): SignedIn {
  const { id: userId, lastLoginAt } = user
  const accounts = user.accounts.map((account) =>
    account.id === accountId && lastLoginAt !== null ? { ...account, lastLoginAt } : account)
  return { ...session, userId, user: { ...user, accounts } }
}
