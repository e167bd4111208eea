import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import {
  CREDENTIAL_PARAMETERS, OWN_CLIENT, assertGrantType, authenticateClient, resolveClient, type Client, type Clients,
  type TokenClient
} from '../clients/clients.ts'
import { hashDeviceCode } from '../device/codes.ts'
import type { DeviceRepository, PollResult } from '../device/repository.ts'
import { comesFromAllowedOrigin, type AllowedOrigins } from '../http/allowed-origins.ts'
import { callerOf } from '../http/caller.ts'
import { addressOf } from '../http/client-address.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { OAuthError } from '../http/errors.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import { decodePersonalToken } from '../personal-tokens/personal-token.ts'
import type { PersonalAccess, PersonalTokens } from '../personal-tokens/service.ts'
import type { SessionService, TokenResponse } from '../sessions/service.ts'
import { NO_CODE_CHALLENGE } from '../sign-in/login-attempt.ts'
import type { SignInService } from '../sign-in/service.ts'
import type { AccessTokens } from '../tokens/access-tokens.ts'
import {
  AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, GRANT_TYPES, REFRESH_TOKEN, TOKEN_EXCHANGE
} from '../tokens/grant-types.ts'
import type { IssueOptions } from '../tokens/grants.ts'
import { ResourceParameter, type Resources } from '../tokens/resources.ts'
import { TokenResponseSchema } from '../tokens/token-response.ts'
import { issueClientToken, type ClientTokenResponse } from './client-credentials.ts'
import { readDpopKey } from './dpop-key.ts'

export interface TokenOptions {
  sessions: Pick<SessionService, 'redeemCode' | 'redeemDeviceCode' | 'refresh'>
  signIn: Pick<SignInService, 'signInNatively'>
  accessTokens: Pick<AccessTokens, 'issueToClient' | 'lifetimeSeconds'>
  personalTokens: Pick<PersonalTokens, 'exchange'>
  clients: Clients
  devices: Pick<DeviceRepository, 'poll'>
  cookies: CookiePolicy
  allowedOrigins: AllowedOrigins
  resources: Resources
}

const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token'
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

const Parameter = (description: string, maxLength = 4096) => Type.Optional(Type.String({ description, maxLength }))

/** RFC 6749 section 3.2: unknown parameters are ignored, repeated ones are errors. */
const TokenRequestSchema = Type.Object({
  grant_type: Parameter(GRANT_TYPES.map((type) => `\`${type}\``).join(', ') + '.'),
  device_code: Parameter('From /oauth2/device_authorization.'),
  code: Parameter('From the redirect. Native sign-in: Apple\'s authorization code, so that its grant can be revoked.'),
  redirect_uri: Parameter('The redirect URI that received the code.'),
  code_verifier: Parameter('RFC 7636 section 4.1: 43 to 128 characters.'),
  refresh_token: Parameter('Absent in cookie mode, which takes it from the cookie and requires an allowed Origin.'),
  subject_token: Parameter('Native sign-in: the ID token that the provider\'s SDK returned to the app.', 16_384),
  subject_token_type: Parameter(`\`${ID_TOKEN_TYPE}\`.`),
  provider: Parameter('Native sign-in: the id of the provider that issued the ID token.', 64),
  nonce: Parameter('Native sign-in: the nonce of the app, if any. The ID token has it, or its SHA-256 in hex.', 512),
  name: Parameter('Native sign-in: the name of the person, which Apple tells the app alone.', 200),
  scope: Parameter('Native sign-in: as at /oauth2/authorize. Refresh, client: a part of the granted scope.', 1000),
  resource: ResourceParameter,
  ...CREDENTIAL_PARAMETERS,
  client_id: Parameter('Optional for tokens of the direct and cookie modes.', 200)
})

type TokenRequest = Static<typeof TokenRequestSchema>

const POLL_MESSAGES: Record<PollResult, string> = {
  authorization_pending: 'The person has not confirmed yet. Ask again after the interval.',
  slow_down: 'Requests come too often. Wait five seconds longer between two of them.',
  access_denied: 'The person declined the sign-in.',
  expired_token: 'The device code is older than ten minutes. Request a new one.',
  invalid_grant: 'The device code is unknown, was used before, or belongs to another client.'
}

type Request = FastifyRequest<{ Body: TokenRequest }>
type TokenResponseOfCookieMode = Omit<TokenResponse, 'refresh_token'>

/** The token endpoint (RFC 6749 section 3.2). Takes a form, as the RFC says, or JSON. */
export const tokenRoutes: FastifyPluginAsyncTypebox<TokenOptions> = async (app, options) => {
  const { sessions, signIn, accessTokens, personalTokens, clients, devices, resources } = options
  const { cookies, allowedOrigins } = options

  app.post('/oauth2/token', {
    schema: {
      summary: 'Exchange a grant for tokens',
      tags: ['OAuth 2.1'],
      body: TokenRequestSchema,
      response: {
        200: TokenResponseSchema,
        400: OAuthErrorSchema,
        401: OAuthErrorSchema,
        403: OAuthErrorSchema,
        429: OAuthErrorSchema,
        '5xx': OAuthErrorSchema
      }
    }
  }, exchange)

  async function exchange (request: Request, reply: FastifyReply) {
    const { grant_type: grantType, refresh_token: refreshToken } = request.body
    switch (grantType) {
      case AUTHORIZATION_CODE: return await redeemCode(request)
      case REFRESH_TOKEN:
        return refreshToken === undefined ? await refreshByCookie(request, reply) : await redeem(request, refreshToken)
      case CLIENT_CREDENTIALS: return await issueToClient(request)
      case DEVICE_CODE: return await redeemDeviceCode(request)
      case TOKEN_EXCHANGE: return await signInNatively(request)
      case undefined: throw new OAuthError('invalid_request', 'grant_type is missing.')
      default: throw new OAuthError('unsupported_grant_type', `grant_type must be one of ${GRANT_TYPES.join(', ')}.`)
    }
  }

  async function redeemCode (request: Request): Promise<TokenResponse> {
    const { code, redirect_uri: redirectUri, code_verifier: codeVerifier } = request.body
    const client = await authenticateClient(clients, request, request.body)
    if (!client) throw new OAuthError('invalid_request', 'client_id is missing.')
    assertGrantType(client, AUTHORIZATION_CODE)
    if (code === undefined || redirectUri === undefined) {
      throw new OAuthError('invalid_request', 'code and redirect_uri are required.')
    }
    const codeChallenge = readCodeChallenge(client, codeVerifier)
    const presented = { hash: sha256(code), clientId: client.clientId, redirectUri, codeChallenge }
    return await sessions.redeemCode(presented, callerOf(request), await issueOptions(request, client))
  }

  /** A code with a challenge takes its verifier, and one without takes none (RFC 9700 section 2.1.1, downgrade). */
  function readCodeChallenge ({ metadata }: Client, codeVerifier: string | undefined): string {
    if (codeVerifier === undefined && metadata.requirePkce === false) return NO_CODE_CHALLENGE
    if (codeVerifier === undefined) throw new OAuthError('invalid_request', 'code_verifier is required.')
    if (!/^[\w.~-]{43,128}$/.test(codeVerifier)) {
      throw new OAuthError('invalid_grant', 'code_verifier must be 43 to 128 unreserved characters.')
    }
    return sha256(codeVerifier).toString('base64url')
  }

  /** RFC 6749 section 4.4. */
  async function issueToClient (request: Request): Promise<ClientTokenResponse> {
    const client = await authenticateClient(clients, request, request.body)
    if (!client) throw new OAuthError('invalid_client', 'Authenticate as a confidential client.')
    const issue = await issueOptions(request, client)
    return issueClientToken({ accessTokens, resources }, client, { scope: request.body.scope, issue })
  }

  /** RFC 8628 section 3.4. */
  async function redeemDeviceCode (request: Request): Promise<TokenResponse> {
    const { device_code: deviceCode } = request.body
    const client = await resolveClient(clients, request, request.body, DEVICE_CODE)
    if (client === undefined || deviceCode === undefined) {
      throw new OAuthError('invalid_request', 'client_id and device_code are required.')
    }
    const hash = hashDeviceCode(deviceCode)
    const tokens = await sessions.redeemDeviceCode(
      hash, client.clientId, callerOf(request), await issueOptions(request, client)
    )
    if (tokens) return tokens
    const reason = await devices.poll(hash, client.clientId)
    throw new OAuthError(reason, POLL_MESSAGES[reason])
  }

  /** RFC 8693 section 2. An invalid ID token is `invalid_grant`: the client has to start again. */
  async function signInNatively (request: Request): Promise<TokenResponse & { issued_token_type: string }> {
    const { subject_token: idToken, subject_token_type: type, provider, nonce, code, name } = request.body
    const client = await resolveClient(clients, request, request.body, TOKEN_EXCHANGE)
    if (client === undefined || idToken === undefined || provider === undefined) {
      throw new OAuthError('invalid_request', 'client_id, provider and subject_token are required.')
    }
    if (type !== ID_TOKEN_TYPE) throw new OAuthError('invalid_request', `subject_token_type must be ${ID_TOKEN_TYPE}.`)
    const { clientId, metadata } = client
    const { scope, resource } = request.body
    const requested = { scope, resources: resources.read(resource), registered: metadata.resource }
    const granted = resources.grant(requested)
    // Anyone may call this, and each failure is an audit event.
    await app.limits.signIn.count(`native:${addressOf(request)}`)
    const issue = await issueOptions(request, client)
    const tokens = await signIn.signInNatively(
      { ...granted, provider, idToken, nonce, clientId, code, name, issue }, callerOf(request))
    return { ...tokens, issued_token_type: ACCESS_TOKEN_TYPE }
  }

  /** A refresh token, or a personal token, which stays as it is. */
  async function redeem (request: Request, refreshToken: string): Promise<TokenResponse | PersonalAccess> {
    const token = decodePersonalToken(refreshToken)
    if (!token) return await refresh(request, refreshToken)
    const client = await resolveClient(clients, request, request.body) ?? OWN_CLIENT
    const issue = await issueOptions(request, client)
    const presented = { token, clientId: client.clientId, scope: request.body.scope, issue }
    return await personalTokens.exchange(presented, app.limits.refresh)
  }

  async function refresh (request: Request, refreshToken: string): Promise<TokenResponse> {
    const client = await resolveClient(clients, request, request.body) ?? OWN_CLIENT
    const scope = request.body.scope === undefined ? undefined : resources.knownScope(request.body.scope)
    const issue = await issueOptions(request, client)
    const presented = { refreshToken, clientId: client.clientId, scope, issue }
    return await sessions.refresh(presented, callerOf(request), app.limits.refresh)
  }

  async function refreshByCookie (request: Request, reply: FastifyReply): Promise<TokenResponseOfCookieMode> {
    const { refreshCookieName, refreshToken: cookieOptions } = cookies
    const cookie = request.cookies[refreshCookieName]
    if (cookie === undefined) throw new OAuthError('invalid_request', 'refresh_token is missing.')
    if (!await comesFromAllowedOrigin(request, allowedOrigins)) {
      throw new OAuthError('invalid_request', 'The refresh cookie works for allowed origins only.', 403)
    }
    const { refresh_token: successor, ...tokens } = await refresh(request, cookie).catch((error) => {
      if (error instanceof OAuthError && error.error === 'invalid_grant') {
        reply.clearCookie(refreshCookieName, cookieOptions)
      }
      throw error
    })
    reply.setCookie(refreshCookieName, successor, cookieOptions)
    return tokens
  }

  /** What the request and the client's registration say about the tokens. */
  async function issueOptions (request: Request, client: TokenClient): Promise<IssueOptions> {
    return {
      idTokenAlgorithm: client.metadata.idTokenSignedResponseAlg,
      isThirdParty: client.thirdParty !== undefined,
      resources: resources.read(request.body.resource),
      key: await readDpopKey(app, request, client)
    }
  }
}

function sha256 (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
