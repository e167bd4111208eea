import { createPrivateKey, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { parseJson } from '../http/json.ts'
import { joinTexts, member } from './claims.ts'
import { emailTrust } from './email-trust.ts'
import { createOidcProvider } from './oidc.ts'
import type { ProviderDefinition } from './provider.ts'

const ISSUER = 'https://appleid.apple.com'
/**
 * As Apple documents them. Its discovery document named another issuer and other hosts for some days in June 2025, and
 * logins that relied on it failed: https://github.com/supabase/auth/issues/2051
 */
const ENDPOINTS = {
  authorizationEndpoint: `${ISSUER}/auth/authorize`,
  tokenEndpoint: `${ISSUER}/auth/token`,
  jwksUri: `${ISSUER}/auth/keys`,
  userinfoEndpoint: undefined,
  revocationEndpoint: `${ISSUER}/auth/revoke`
}
/** Apple allows six months. */
const SECRET_LIFETIME_SECONDS = 60 * 60
const RENEW_BEFORE_SECONDS = 10 * 60

export const apple: ProviderDefinition = {
  id: 'apple',
  name: 'Apple',
  documentation: [
    'https://developer.apple.com/documentation/signinwithapplerestapi',
    'https://developer.apple.com/documentation/signinwithapple/processing-changes-for-sign-in-with-apple-accounts',
    'https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret'
  ],
  console:
    'https://developer.apple.com/account/resources/identifiers, a Services ID with "Sign in with Apple"; the ' +
      'callback URL must be https',
  scope: ['openid', 'name', 'email'],
  quirks: [
    'The client secret is a JWT signed with your key. Set `APPLE_TEAM_ID`, `APPLE_KEY_ID` and ' +
      '`APPLE_PRIVATE_KEY`, and Signet signs and renews it; or put a ready JWT into `APPLE_CLIENT_SECRET`.',
    'With the scopes `name` and `email` Apple posts its answer as a form from its own site, so the cookie of the ' +
      'login is `SameSite=None; Secure`: on http this works at localhost only, in Chromium and Firefox. Apple ' +
      'itself accepts no http callback.',
    'An app sends its authorization code and the name, which Apple tells the app alone, as `code` and `name` of the ' +
      'token exchange: then deleting the user revokes Apple\'s grant, as the App Store demands. That takes ' +
      '`APPLE_PRIVATE_KEY`, since each app\'s client secret is another.',
    'Apple sends the name only once, beside the code of the first sign-in. Later sign-ins keep it.',
    '`email_verified` may be the string `"true"`. An address of the private relay (`@privaterelay.appleid.com`) ' +
      'belongs to one person and your team only.'
  ],
  events: [{
    path: '/login/apple/events',
    where: 'https://developer.apple.com/account/resources/identifiers, the primary App ID, "Sign in with Apple", ' +
      '"Server-to-Server Notification Endpoint". Apple names that App ID as the audience: put it into ' +
      '`APPLE_NATIVE_CLIENT_IDS` where `APPLE_CLIENT_ID` is a Services ID'
  }],
  settings: {
    TEAM_ID: 'the ten characters of your team',
    KEY_ID: 'the id of the key for Sign in with Apple',
    PRIVATE_KEY: 'that key, PEM; line ends may be written `\\n`'
  },
  insteadOfSecret: ['TEAM_ID', 'KEY_ID', 'PRIVATE_KEY'],
  mistakes: ({ own: { PRIVATE_KEY: privateKey } }) => privateKey === undefined || readKey(privateKey)
    ? []
    : ['PRIVATE_KEY must be the P-256 key of the .p8 file, PEM from "-----BEGIN PRIVATE KEY-----" on'],

  create (settings) {
    const { TEAM_ID: teamId, KEY_ID: keyId, PRIVATE_KEY: pem } = settings.own
    const privateKey = pem === undefined ? undefined : readKey(pem)
    const signsSecret = settings.clientSecret === '' && teamId !== undefined && keyId !== undefined && privateKey
      ? { teamId, keyId, privateKey }
      : undefined
    const secrets = new Map<string, () => Promise<string>>()

    async function nativeSecret (clientId: string): Promise<string> {
      if (!signsSecret) return settings.clientSecret
      const secret = secrets.get(clientId) ?? createClientSecret(clientId, signsSecret)
      secrets.set(clientId, secret)
      return await secret()
    }

    const scope = settings.scope ?? apple.scope
    const formPost = scope.includes('name') || scope.includes('email')
    return createOidcProvider(settings, {
      name: apple.name,
      scope: apple.scope,
      issuer: settings.issuer ?? ISSUER,
      ...settings.issuer === undefined && { endpoints: ENDPOINTS },
      isEmailVerified: emailTrust('apple').isVerified,
      authentication: 'body',
      // It documents none, and asks people to confirm each sign-in.
      loginParameters: () => ({}),
      formPost,
      ...formPost ? { authorizationParameters: { response_mode: 'form_post' } } : {},
      ...signsSecret && { clientSecret: createClientSecret(settings.clientId, signsSecret) },
      nativeSecret,
      nameFromCallback: ({ user }) => readName(user)
    })
  }
}

interface SigningKey { teamId: string, keyId: string, privateKey: KeyObject }

/** A client secret that is valid for an hour, and renewed ten minutes before it expires. */
function createClientSecret (clientId: string, { teamId, keyId, privateKey }: SigningKey): () => Promise<string> {
  let secret: { jwt: Promise<string>, renewAt: number } | undefined

  async function sign (now: number): Promise<string> {
    return await new SignJWT()
      .setProtectedHeader({ alg: 'ES256', kid: keyId })
      .setIssuer(teamId)
      .setSubject(clientId)
      .setAudience(ISSUER)
      .setIssuedAt(now)
      .setExpirationTime(now + SECRET_LIFETIME_SECONDS)
      .sign(privateKey)
  }

  return async () => {
    const now = Math.floor(Date.now() / 1000)
    if (!secret || now >= secret.renewAt) {
      secret = { jwt: sign(now), renewAt: now + SECRET_LIFETIME_SECONDS - RENEW_BEFORE_SECONDS }
    }
    return await secret.jwt
  }
}

/** Undefined unless it is a P-256 private key. */
function readKey (pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem.replaceAll('\\n', '\n'))
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
  } catch {
    return undefined
  }
}

/** Of `{"name":{"firstName":"...","lastName":"..."},"email":"..."}`. The email is in the ID token, signed. */
function readName (user: string | undefined): string | null {
  const name = member(user === undefined ? undefined : parseJson(user), 'name')
  return joinTexts([member(name, 'firstName'), member(name, 'lastName')])
}
