import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { Type } from 'typebox'
import { parseJson } from '../http/json.ts'
import { member, subject } from '../providers/claims.ts'
import { invalidEvent } from '../providers/failure.ts'
import { EVENT_MAX_AGE_SECONDS } from '../providers/id-token.ts'
import type { Provider, ProviderSettings } from '../providers/provider.ts'
import { END_ACCOUNT, END_SESSIONS } from './event.ts'
import type { EventReceiver } from './receiver.ts'

const CLOCK_TOLERANCE_SECONDS = 5 * 60

/**
 * Facebook's deauthorization and data deletion callbacks: a form with a `signed_request`. See
 * https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
 */
export function createFacebookReceivers (
  { id, name, accountIssuer: issuer }: Provider, { clientSecret }: ProviderSettings
): EventReceiver[] {
  /** Returns the app-scoped id of the person. */
  function verify (signedRequest: string): string {
    const [signature = '', payload = '', ...rest] = signedRequest.split('.')
    const expected = createHmac('sha256', clientSecret).update(payload).digest()
    const given = Buffer.from(signature, 'base64url')
    if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw invalidEvent(name, 'its signature is wrong')
    }
    const claims = parseJson(Buffer.from(payload, 'base64url').toString())
    if (String(member(claims, 'algorithm')).toUpperCase() !== 'HMAC-SHA256') {
      throw invalidEvent(name, 'its algorithm is not allowed')
    }
    // The JavaScript SDK's cookie is such a signed request too, and browsers have it.
    if (member(claims, 'code') !== undefined) throw invalidEvent(name, 'it is that of a sign-in')
    const issuedAt = member(claims, 'issued_at')
    const age = typeof issuedAt === 'number' ? Date.now() / 1000 - issuedAt : NaN
    if (!(age <= EVENT_MAX_AGE_SECONDS && age >= -CLOCK_TOLERANCE_SECONDS)) throw invalidEvent(name, 'it is too old')
    const accountSubject = subject(member(claims, 'user_id'))
    if (accountSubject === undefined) throw invalidEvent(name, 'it has no user_id')
    return accountSubject
  }

  function createReceiver (type: 'deauthorize' | 'deletion', texts: Pick<EventReceiver, 'summary' | 'description'>) {
    return {
      ...texts,
      path: `/login/${id}/${type}`,
      contentTypes: ['application/x-www-form-urlencoded'],
      body: Type.Object({ signed_request: Type.String() }),
      maxBytes: 16 * 1024,
      answer: type === 'deletion' ? 'deletion' : 'ok',

      async read (body) {
        const signedRequest = new URLSearchParams(body.toString()).get('signed_request') ?? ''
        const accountSubject = verify(signedRequest)
        // Facebook gives a request no id.
        const [, payload = ''] = signedRequest.split('.')
        const digest = createHash('sha256').update(`${type} ${payload}`).digest('hex')
        return {
          provider: id,
          id: digest,
          rememberSeconds: 2 * EVENT_MAX_AGE_SECONDS,
          events: [{
            type,
            identity: { issuer, subject: accountSubject },
            effect: type === 'deletion' ? END_ACCOUNT : END_SESSIONS
          }],
          // Alphanumeric, as Facebook wants it, and the same for a repeated request.
          ...type === 'deletion' && { confirmationCode: digest.slice(0, 32) }
        }
      }
    } satisfies EventReceiver
  }

  return [
    createReceiver('deauthorize', {
      summary: "Facebook's deauthorization callback",
      description: 'The person removed the app at Facebook: a `signed_request`, which takes effect once.'
    }),
    createReceiver('deletion', {
      summary: "Facebook's data deletion callback",
      description: 'The person asks for the deletion of their data: a `signed_request`, which takes effect once. The ' +
        'page at `url` says how far it is.'
    })
  ]
}
