import { Type } from 'typebox'
import { parseJson } from '../http/json.ts'
import { member, subject } from '../providers/claims.ts'
import { invalidEvent } from '../providers/failure.ts'
import { EVENT_MAX_AGE_SECONDS } from '../providers/id-token.ts'
import type { Provider, VerifyEvent } from '../providers/provider.ts'
import { END_ACCOUNT, END_SESSIONS, UNKNOWN, type EventEffect, type ProviderEvent } from './event.ts'
import type { EventReceiver } from './receiver.ts'

/** Apple's page has `account-deleted`, its talk of 2020 and its servers `account-delete`. */
const EFFECTS: Record<string, EventEffect> = {
  'consent-revoked': END_SESSIONS,
  'account-delete': END_ACCOUNT,
  'account-deleted': END_ACCOUNT,
  'email-disabled': { note: { emailDisabled: true } },
  'email-enabled': { note: { emailDisabled: false } }
}

/**
 * Apple's server-to-server notifications: JSON whose `payload` is a JWT, whose `events` is JSON in a text. See
 * https://developer.apple.com/documentation/signinwithapple/processing-changes-for-sign-in-with-apple-accounts
 */
export function createAppleReceiver (
  { id, name, accountIssuer: issuer }: Provider, verify: VerifyEvent
): EventReceiver {
  function toEvent (value: unknown): ProviderEvent {
    const type = member(value, 'type')
    const accountSubject = subject(member(value, 'sub'))
    if (typeof type !== 'string' || accountSubject === undefined) throw invalidEvent(name, 'events has no type or sub')
    const effect = Object.hasOwn(EFFECTS, type) ? EFFECTS[type] : undefined
    return { type: effect ? type : UNKNOWN, identity: { issuer, subject: accountSubject }, effect: effect ?? {} }
  }

  return {
    path: `/login/${id}/events`,
    summary: "Apple's server-to-server notifications",
    description: '`consent-revoked`, `account-delete`, `email-disabled`, `email-enabled`, signed by Apple. Each ' +
      'takes effect once.',
    contentTypes: ['application/json'],
    body: Type.Object({ payload: Type.String({ description: 'A JWT.' }) }),
    maxBytes: 16 * 1024,
    answer: 'ok',

    async read (body) {
      const payload = member(parseJson(body.toString()), 'payload')
      if (typeof payload !== 'string') throw invalidEvent(name, 'there is no payload')
      const { jti, events } = await verify(payload)
      const reported = typeof events === 'string' ? parseJson(events) : events
      return {
        provider: id,
        id: jti,
        rememberSeconds: 2 * EVENT_MAX_AGE_SECONDS,
        events: [reported].flat().map(toEvent)
      }
    }
  }
}
