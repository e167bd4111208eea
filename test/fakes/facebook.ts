import { createHmac } from 'node:crypto'
import { answerJson } from './answers.ts'
import { startFakeOAuth } from './oauth.ts'

/** The app-scoped id of the person who signs in. */
export const JANE = '10152368852405295'

const SECRET = 'facebook-fake-client-secret'
const HOUR_SECONDS = 60 * 60

/** Facebook's login for the web, for one person: https://developers.facebook.com/docs/facebook-login/guides */
export const startFakeFacebook = async () => await startFakeOAuth({
  id: 'facebook',
  paths: { authorize: '/v23.0/dialog/oauth', token: '/v23.0/oauth/access_token', api: '/v23.0' },
  authentication: 'client_secret_post',
  routes: { 'GET /me': ({ person }) => answerJson(person) },
  person: { id: JANE, name: 'Jane Doe' }
})

/**
 * The `signed_request` of Facebook's callbacks about Jane, with `claims` in place of the right ones. See
 * https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
 */
export function signedRequest (claims: Record<string, unknown> = {}, secret = SECRET): string {
  const now = Math.floor(Date.now() / 1000)
  const right = { user_id: JANE, algorithm: 'HMAC-SHA256', issued_at: now, expires: now + HOUR_SECONDS }
  const payload = Buffer.from(JSON.stringify({ ...right, ...claims })).toString('base64url')
  return `${createHmac('sha256', secret).update(payload).digest('base64url')}.${payload}`
}
