import { promisify } from 'node:util'
import { generateKeyPair } from 'node:crypto'
import type { Configuration, interactionPolicy, JWKS, KoaContextWithOIDC } from 'oidc-provider'
import { createMemoryAdapter } from './memory-adapter.ts'
import { errorPage } from './pages.ts'
import { accessTokenSeconds, claimsOf, findPersona, type Persona } from './personas.ts'

const HOUR = 3600
const FORTNIGHT = 14 * 24 * HOUR

export interface DevClient {
  client_id: string
  client_secret: string
  redirect_uris: string[]
  id_token_signed_response_alg?: 'RS256' | 'ES256'
}

/**
 * oidc-provider as an ordinary certified issuer, minus what an everyday one does not have: PKCE with S256 always,
 * profile claims from userinfo (not in the ID token), every scope granted without asking. Nothing is left at a default
 * that oidc-provider would print a notice about.
 */
export async function configure ({
  clients,
  emailOf,
  policy
}: {
  clients: DevClient[]
  emailOf: (persona: Persona) => string | undefined
  policy: typeof interactionPolicy
}): Promise<Configuration> {
  return {
    clients: clients.map((client) => ({ ...client, grant_types: ['authorization_code', 'refresh_token'] })),
    jwks: await generateKeys(),
    adapter: createMemoryAdapter(),
    scopes: ['openid', 'offline_access'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username', 'picture', 'locale']
    },
    clientBasedCORS: () => false,
    clockTolerance: 0,
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      dPoP: { enabled: false },
      resourceIndicators: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      introspection: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId },
      revocation: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId }
    },
    ttl: {
      AccessToken: (_, token) => accessTokenSeconds(token.accountId),
      AuthorizationCode: 60,
      IdToken: HOUR,
      Interaction: HOUR,
      Session: FORTNIGHT,
      Grant: FORTNIGHT,
      RefreshToken: FORTNIGHT
    },
    expiresWithSession: () => false,
    rotateRefreshToken: (ctx) => findPersona(ctx.oidc.entities.RefreshToken?.accountId)?.rotatesRefreshTokens === true,
    loadExistingGrant: grantEverything,
    findAccount (_, sub) {
      const persona = findPersona(sub)
      return persona && { accountId: sub, claims: () => claimsOf(persona, emailOf(persona)) }
    },
    interactions: {
      policy: [new policy.Prompt({ name: 'select_account', requestable: true }), ...policy.base()],
      url: (_, interaction) => `/interaction/${interaction.uid}`
    },
    routes: { userinfo: '/userinfo' },
    renderError (ctx, out) {
      ctx.type = 'html'
      ctx.body = errorPage(out.error, out.error_description ?? '')
    }
  }
}

async function grantEverything (ctx: KoaContextWithOIDC) {
  const { client, account, params, provider } = ctx.oidc
  const grant = new provider.Grant({ clientId: client!.clientId, accountId: account!.accountId })
  grant.addOIDCScope(String(params?.scope))
  await grant.save()
  return grant
}

async function generateKeys (): Promise<JWKS> {
  const generate = promisify(generateKeyPair)
  const [rsa, ec] = await Promise.all([
    generate('rsa', { modulusLength: 2048 }),
    generate('ec', { namedCurve: 'P-256' })
  ])
  return {
    keys: [
      { ...rsa.privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' },
      { ...ec.privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }
    ] as JWKS['keys']
  }
}
