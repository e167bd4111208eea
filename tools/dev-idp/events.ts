import { createHmac, randomUUID } from 'node:crypto'
import { importJWK, SignJWT, type JWK } from 'jose'

const SECURITY_EVENTS = [
  'sessions-revoked', 'account-disabled', 'account-enabled', 'account-credential-change-required', 'verification'
] as const

/** What the development identity provider can report, in the words of each kind of provider. */
export const EVENTS = {
  dev: SECURITY_EVENTS,
  google: SECURITY_EVENTS,
  apple: ['consent-revoked', 'account-delete', 'email-disabled', 'email-enabled'],
  facebook: ['deauthorize', 'deletion'],
  github: ['revoked']
} as const

export type EventKind = keyof typeof EVENTS

export interface EventToSend {
  kind: EventKind
  event: string
  /** Whom it is about: the id of a persona, which is its `sub`. */
  subject: string
}

export interface EventSender {
  issuer: string
  clientId: string
  /** Signs JWTs: a private RSA key. */
  key: JWK
  /** Signs what Facebook and GitHub sign with a shared secret. */
  secret: string
}

export interface EventRequest { path: string, headers: Record<string, string>, body: string }

export function isEventKind (kind: unknown): kind is EventKind {
  return typeof kind === 'string' && Object.hasOwn(EVENTS, kind)
}

/** The request that such a provider sends to Signet. */
export async function makeEventRequest (
  { kind, event, subject }: EventToSend, { issuer, clientId, key, secret }: EventSender
): Promise<EventRequest> {
  const jwt = async (claims: Record<string, unknown>, typ: string) =>
    await new SignJWT({ iss: issuer, aud: clientId, jti: randomUUID(), ...claims })
      .setProtectedHeader({ alg: 'RS256', typ })
      .setIssuedAt()
      .sign(await importJWK(key, 'RS256'))

  switch (kind) {
    case 'dev':
    case 'google': {
      const uri = `https://schemas.openid.net/secevent/risc/event-type/${event}`
      const about = { subject: { subject_type: 'iss-sub', iss: issuer, sub: subject } }
      const body = await jwt({ events: { [uri]: about } }, 'secevent+jwt')
      return { path: `/login/${kind}/events`, headers: { 'content-type': 'application/secevent+jwt' }, body }
    }
    case 'apple': {
      const events = JSON.stringify({ type: event, sub: subject, event_time: Date.now() })
      const payload = await jwt({ events }, 'JWT')
      const headers = { 'content-type': 'application/json' }
      return { path: '/login/apple/events', headers, body: JSON.stringify({ payload }) }
    }
    case 'facebook': {
      const claims = { user_id: subject, algorithm: 'HMAC-SHA256', issued_at: Math.floor(Date.now() / 1000) }
      const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
      const signature = createHmac('sha256', secret).update(payload).digest('base64url')
      const body = new URLSearchParams({ signed_request: `${signature}.${payload}` }).toString()
      return {
        path: `/login/facebook/${event}`, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body
      }
    }
    case 'github': {
      const body = JSON.stringify({ action: event, sender: { id: subject } })
      return {
        path: '/login/github/events',
        headers: {
          'content-type': 'application/json',
          'x-github-event': 'github_app_authorization',
          'x-github-delivery': randomUUID(),
          'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`
        },
        body
      }
    }
  }
}
