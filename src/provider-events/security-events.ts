import { Type } from 'typebox'
import { member, subject } from '../providers/claims.ts'
import { invalidEvent } from '../providers/failure.ts'
import { EVENT_MAX_AGE_SECONDS } from '../providers/id-token.ts'
import type { Provider, VerifyEvent } from '../providers/provider.ts'
import { withoutSlash } from '../providers/risc.ts'
import { END_ACCOUNT, END_SESSIONS, UNKNOWN, type EventEffect, type ProviderEvent } from './event.ts'
import type { EventReceiver } from './receiver.ts'

const RISC = 'https://schemas.openid.net/secevent/risc/event-type'
const OAUTH = 'https://schemas.openid.net/secevent/oauth/event-type'
const CAEP = 'https://schemas.openid.net/secevent/caep/event-type'

/** The events of Google's Cross-Account Protection, and the session's end as CAEP has it. */
const EFFECTS: Record<string, EventEffect> = {
  [`${RISC}/sessions-revoked`]: END_SESSIONS,
  [`${CAEP}/session-revoked`]: END_SESSIONS,
  [`${OAUTH}/tokens-revoked`]: END_SESSIONS,
  [`${RISC}/account-credential-change-required`]: END_SESSIONS,
  [`${RISC}/account-disabled`]: { ...END_SESSIONS, note: { disabled: true } },
  [`${RISC}/account-enabled`]: { note: { disabled: false } },
  // Deleted for good (OpenID RISC Event Types 1.0 section 2.2).
  [`${RISC}/account-purged`]: END_ACCOUNT,
  // Asks whether anybody is there. Accepting it is the answer.
  [`${RISC}/verification`]: {}
}

/**
 * Security Event Tokens (RFC 8417) by push (RFC 8935): Google's Cross-Account Protection, and any OpenID Connect issuer
 * whose `OIDC_<ID>_EVENTS` is set. See https://developers.google.com/identity/protocols/risc
 */
export function createSecurityEventReceiver (
  { id, name, accountIssuer: issuer }: Provider, verify: VerifyEvent
): EventReceiver {
  /** Google names the person in each event, the Shared Signals Framework in the claim `sub_id` (RFC 9493). */
  function toEvent ([uri, event]: [string, unknown], subId: unknown): ProviderEvent {
    const effect = Object.hasOwn(EFFECTS, uri) ? EFFECTS[uri] : undefined
    const who = member(event, 'subject') ?? member(event, 'sub_id') ?? subId
    const [accountIssuer, accountSubject] = [member(who, 'iss') ?? issuer, subject(member(who, 'sub'))]
    const isOurs = typeof accountIssuer === 'string' && withoutSlash(accountIssuer) === withoutSlash(issuer)
    return {
      type: effect ? uri.slice(uri.lastIndexOf('/') + 1) : UNKNOWN,
      identity: isOurs && accountSubject !== undefined ? { issuer, subject: accountSubject } : undefined,
      effect: effect ?? {}
    }
  }

  return {
    path: `/login/${id}/events`,
    summary: `Security events of ${name}`,
    description: '`sessions-revoked`, `tokens-revoked`, `account-disabled`, `account-credential-change-required`, ' +
      '`account-enabled`, `account-purged`, `verification`: a Security Event Token (RFC 8417) by RFC 8935. Each ' +
      'takes effect once.',
    contentTypes: ['application/secevent+jwt', 'application/jwt'],
    body: Type.String({ description: 'A JWT.' }),
    maxBytes: 16 * 1024,
    answer: 'accepted',

    async read (body) {
      const { jti, events, sub_id: subId } = await verify(body.toString().trim())
      const reported = typeof events === 'object' && events !== null ? Object.entries(events) : []
      if (reported.length === 0) throw invalidEvent(name, 'the claim events is empty')
      return {
        provider: id,
        id: jti,
        rememberSeconds: 2 * EVENT_MAX_AGE_SECONDS,
        events: reported.map((one) => toEvent(one, subId))
      }
    }
  }
}
