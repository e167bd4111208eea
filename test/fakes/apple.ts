import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose'
import { parameter, type Call } from './calls.ts'
import type { Claims } from './oidc-id-token.ts'
import { startFakeOidc, type FakeOidc } from './oidc.ts'

/** A person with an Apple account. Apple sends the name once only. */
export interface ApplePerson {
  sub: string
  email?: string
  /** Apple has sent booleans and texts. */
  emailVerified?: unknown
  isPrivateEmail?: unknown
  firstName?: string
  lastName?: string
}

export interface FakeApple extends Omit<FakeOidc, 'settings' | 'googleSettings' | 'person' | 'clientSecret'> {
  teamId: string
  keyId: string
  /** The key of the settings: PKCS #8 in PEM, as Apple's .p8 file. */
  privateKey: string
  /** The environment that makes Signet know this fake as Apple, by the key. */
  settings: () => Record<string, string>
  /** A client secret as an operator would make it. What `claims` says is in place of the right ones, in seconds. */
  makeSecret: (claims?: Claims, key?: { kid?: string, pem?: string }) => Promise<string>
  /** Sets the person who signs in from now on. */
  person: (person: ApplePerson) => void
  /** Replaces the member `user` of the next answers, as it is; `undefined` sends the correct value. */
  user: (raw: string | undefined) => void
  /** The client secrets that came, in order; each one once. */
  secrets: () => string[]
}

const AUDIENCE = 'https://appleid.apple.com'
const SIX_MONTHS_SECONDS = 15_777_000
const DAY_SECONDS = 24 * 60 * 60
const CLIENT_ID = 'com.example.signet.web'
const TEAM_ID = 'A1B2C3D4E5'
const KEY_ID = 'F6G7H8J9K0'

const ANNE: ApplePerson = {
  sub: '001473.fb5f2a8d4c774d3f9e1a3c62c4a9be1f.1216',
  email: 'anne@example.com',
  emailVerified: 'true',
  firstName: 'Anne',
  lastName: 'Haro'
}

/**
 * Sign in with Apple: https://developer.apple.com/documentation/signinwithapplerestapi. No user info; the client secret
 * is a JWT; with a scope the answer is a form, and the name comes beside the first code.
 */
export async function startFakeApple (): Promise<FakeApple> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const known = new Set<string>()
  const secrets = new Set<string>()
  let person = ANNE
  let user: string | undefined

  async function isClientSecret (secret: string): Promise<boolean> {
    try {
      const { payload } = await jwtVerify(secret, pair.publicKey, {
        algorithms: ['ES256'],
        issuer: TEAM_ID,
        subject: CLIENT_ID,
        audience: AUDIENCE,
        requiredClaims: ['iat', 'exp']
      })
      const lifetime = (payload.exp as number) - Math.floor(Date.now() / 1000)
      return decodeProtectedHeader(secret).kid === KEY_ID && lifetime <= SIX_MONTHS_SECONDS
    } catch {
      return false
    }
  }

  /** Only by `client_secret_post`. */
  async function isClient ({ headers, body }: Call): Promise<boolean> {
    const secret = parameter(body, 'client_secret')
    if (headers.authorization !== undefined || parameter(body, 'client_id') !== CLIENT_ID || secret === undefined) {
      return false
    }
    secrets.add(secret)
    return await isClientSecret(secret)
  }

  function nameBeside (query: Call['query'], sub: string): Record<string, string | undefined> {
    const scope = (parameter(query, 'scope') ?? '').split(' ')
    const asksForPerson = scope.includes('name') || scope.includes('email')
    if (asksForPerson && parameter(query, 'response_mode') !== 'form_post') {
      return {
        error: 'invalid_request',
        error_description: 'response_mode must be form_post when name or email scope is requested.'
      }
    }
    const isFirst = !known.has(sub)
    known.add(sub)
    if (user !== undefined) return { user }
    if (!asksForPerson || !isFirst) return {}
    const { firstName, lastName, email } = person
    return {
      user: JSON.stringify({
        ...(scope.includes('name') ? { name: { firstName, lastName } } : {}),
        ...(scope.includes('email') ? { email } : {})
      })
    }
  }

  const { settings: _settings, googleSettings: _google, clientSecret: _secret, ...fake } = await startFakeOidc({
    clientId: CLIENT_ID,
    manners: {
      paths: { jwks: '/auth/keys', authorize: '/auth/authorize', token: '/auth/token', revoke: '/auth/revoke' },
      metadata: () => ({
        userinfo_endpoint: undefined,
        grant_types_supported: undefined,
        code_challenge_methods_supported: undefined,
        response_modes_supported: ['query', 'fragment', 'form_post'],
        subject_types_supported: ['pairwise'],
        id_token_signing_alg_values_supported: ['RS256'],
        scopes_supported: ['openid', 'email', 'name'],
        token_endpoint_auth_methods_supported: ['client_secret_post'],
        claims_supported: [
          'aud',
          'email',
          'email_verified',
          'exp',
          'iat',
          'is_private_email',
          'iss',
          'nonce',
          'nonce_supported',
          'real_user_status',
          'sub',
          'transfer_sub'
        ]
      }),
      response: (query, { sub }) => nameBeside(query, sub),
      isClient,
      tokenResponse: () => ({ scope: undefined, expires_in: 3600 }),
      idToken (_url, { person: claims, scope }) {
        const now = Math.floor(Date.now() / 1000)
        const hidden = scope.split(' ').includes('email')
          ? {}
          : { email: undefined, email_verified: undefined, is_private_email: undefined }
        return { ...claims, ...hidden, exp: now + DAY_SECONDS, auth_time: now, nonce_supported: true }
      },
      error: (error, description) => ({
        status: 400,
        body: error === 'invalid_client' ? { error } : { error, error_description: description }
      })
    }
  })

  function setPerson (next: ApplePerson): void {
    person = next
    const { sub, email, emailVerified, isPrivateEmail } = next
    fake.person({ sub, email, email_verified: emailVerified, is_private_email: isPrivateEmail })
  }
  setPerson(ANNE)

  return {
    ...fake,
    teamId: TEAM_ID,
    keyId: KEY_ID,
    privateKey,
    settings: () => ({
      APPLE_CLIENT_ID: CLIENT_ID,
      APPLE_TEAM_ID: TEAM_ID,
      APPLE_KEY_ID: KEY_ID,
      APPLE_PRIVATE_KEY: privateKey,
      APPLE_ISSUER: fake.issuer
    }),
    async makeSecret (claims = {}, { kid = KEY_ID, pem = privateKey } = {}) {
      const now = Math.floor(Date.now() / 1000)
      const right = { iss: TEAM_ID, sub: CLIENT_ID, aud: AUDIENCE, iat: now, exp: now + 90 * DAY_SECONDS }
      return await new SignJWT({ ...right, ...claims })
        .setProtectedHeader({ alg: 'ES256', kid })
        .sign(createPrivateKey(pem))
    },
    person: setPerson,
    user (raw) {
      user = raw
    },
    deny (error = 'user_cancelled_authorize') {
      fake.deny(error)
    },
    secrets: () => [...secrets]
  }
}
