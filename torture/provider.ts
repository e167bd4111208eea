import { answerJson } from '../test/fakes/answers.ts'
import { bearerToken, parameter } from '../test/fakes/calls.ts'
import { startHttpFake, type HttpFake } from '../test/fakes/http-fake.ts'

/**
 * A cheap provider: it accepts any code as that of the person with that name, so a login needs no visit to it.
 */
export interface Provider extends HttpFake {
  id: string
  settings: Record<string, string>
}

export const PATHS = { token: '/token', profile: '/me' }

export async function startProvider (id: string, lifetimeSeconds = 3600): Promise<Provider> {
  const fake = await startHttpFake((call) => {
    // A hundred thousand calls would be remembered otherwise.
    if (fake.calls().length > 1000) fake.reset()
    const code = parameter(call.body, 'code') ?? parameter(call.body, 'refresh_token') ?? ''
    if (call.path === PATHS.token) {
      return answerJson({ access_token: code, token_type: 'Bearer', expires_in: lifetimeSeconds, refresh_token: code })
    }
    const name = bearerToken(call, ['bearer']) ?? ''
    if (call.path === PATHS.profile) return answerJson({ id: name, name, ...emailOf(name) })
  })
  const prefix = `OAUTH_${id.toUpperCase()}`
  return {
    ...fake,
    id,
    settings: {
      [`${prefix}_AUTHORIZATION_URL`]: `${fake.url}/authorize`,
      [`${prefix}_TOKEN_URL`]: fake.url + PATHS.token,
      [`${prefix}_PROFILE_URL`]: fake.url + PATHS.profile,
      [`${prefix}_EMAIL_TRUSTED`]: 'true',
      [`${prefix}_CLIENT_ID`]: 'torture',
      [`${prefix}_CLIENT_SECRET`]: 'secret'
    }
  }
}

/** Each person has their own verified address; all people named `unverified...` share one that is not verified. */
const emailOf = (name: string) =>
  name.startsWith('unverified')
    ? { email: 'shared@example.com', email_verified: false }
    : { email: `${name}@example.com`, email_verified: true }
