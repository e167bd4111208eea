import { createHmac, timingSafeEqual } from 'node:crypto'
import { Type } from 'typebox'
import { parseJson } from '../http/json.ts'
import { member, subject } from '../providers/claims.ts'
import { invalidEvent } from '../providers/failure.ts'
import type { Provider } from '../providers/provider.ts'
import { END_SESSIONS } from './event.ts'
import type { EventReceiver } from './receiver.ts'

const EVENT = 'github_app_authorization'
/** GitHub signs neither time nor id, and a delivery can be sent again by hand for three days. */
const REMEMBER_SECONDS = 30 * 24 * 60 * 60

/**
 * The webhook of a GitHub App, of which `github_app_authorization` counts: the person revoked the authorization. See
 * https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
 */
export function createGitHubReceiver ({ id, name, accountIssuer: issuer }: Provider, secret: string): EventReceiver {
  function assertSigned (body: Buffer, header: unknown): void {
    const expected = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)
    const given = Buffer.from(String(header))
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw invalidEvent(name, 'its signature is wrong')
    }
  }

  return {
    path: `/login/${id}/events`,
    summary: "A GitHub App's webhook",
    description: '`github_app_authorization`, signed with `GITHUB_WEBHOOK_SECRET`. Each takes effect once. Other ' +
      'events of the App are accepted, and ignored.',
    contentTypes: ['application/json'],
    body: Type.Object({ action: Type.String(), sender: Type.Object({ id: Type.Integer() }) }),
    // GitHub sends other events of the App too, and some are large.
    maxBytes: 1024 * 1024,
    answer: 'ok',

    async read (body, headers) {
      assertSigned(body, headers['x-hub-signature-256'])
      if (headers['x-github-event'] !== EVENT) return undefined
      const delivery = headers['x-github-delivery']
      if (typeof delivery !== 'string' || !/^[\w-]{1,100}$/.test(delivery)) {
        throw invalidEvent(name, 'X-GitHub-Delivery is missing or malformed')
      }
      const payload = parseJson(body.toString())
      const accountSubject = subject(member(member(payload, 'sender'), 'id'))
      if (member(payload, 'action') !== 'revoked' || accountSubject === undefined) {
        throw invalidEvent(name, 'action is not "revoked", or there is no sender')
      }
      return {
        provider: id,
        id: delivery,
        rememberSeconds: REMEMBER_SECONDS,
        events: [{ type: 'revoked', identity: { issuer, subject: accountSubject }, effect: END_SESSIONS }]
      }
    }
  }
}
