import jwt, { type FastifyJwtNamespace, type FastifyJWTOptions, type JwtHeader, type TokenOrHeader } from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { isDatabaseUnavailable } from '../database/unavailable.ts'
import { badBearer, hasBearer, thirdPartyRefused, unauthorized } from '../http/bearer.ts'
import { Problem } from '../http/errors.ts'
import type { KeyService } from '../keys/service.ts'
import type { TokenType } from '../keys/signers.ts'
import { isClientToken, type AccessTokenClaims, type ClientTokenClaims } from '../tokens/access-tokens.ts'
import type { IdTokenClaims } from '../tokens/id-tokens.ts'
import { createVerifiedTokens } from '../tokens/verified-tokens.ts'

type Namespaces =
  FastifyJwtNamespace<{ namespace: 'accessToken' }> &
  FastifyJwtNamespace<{ namespace: 'resourceToken' }> &
  FastifyJwtNamespace<{ namespace: 'accessTokenIgnoringExpiration' }> &
  FastifyJwtNamespace<{ namespace: 'idToken' }>

declare module '@fastify/jwt' {
  interface FastifyJWT { namespaces: 'accessToken' | 'resourceToken' | 'accessTokenIgnoringExpiration' | 'idToken' }
}

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * An `onRequest` hook: rejects the request with 401 unless it carries a valid access token of a user. No database
     * query.
     */
    requireBearer: (request: FastifyRequest) => Promise<void>
    /** The same, but also for a token of any of RESOURCES, which `requireBearer` rejects: for the userinfo endpoint. */
    requireBearerOfAnyResource: (request: FastifyRequest) => Promise<void>
    /** The claims of the request's access token; undefined without one or with an invalid one. */
    readBearer: (request: FastifyRequest) => Promise<AccessTokenClaims | undefined>
    /**
     * The claims of an access token of this server, expired or not, for any of RESOURCES, too: of the `token` parameter
     * (RFC 7009 section 2.1, RFC 7662 section 2.1), or else of the Authorization header, which needs a proof for a
     * token that is bound to a key. A client's own token (`isClientToken`) is one, too. Undefined for any other token.
     */
    readAccessToken: (request: FastifyRequest) => Promise<AccessTokenClaims | ClientTokenClaims | undefined>
    /** True for the claims of a token that opens Signet's own API, and not only some of RESOURCES. */
    isForThisServer: (claims: Pick<AccessTokenClaims, 'aud'>) => boolean
    /**
     * The claims of the ID token of this server in `id_token_hint`, expired or not (OpenID Connect RP-Initiated Logout
     * section 2). Undefined for any other token.
     */
    readIdToken: (request: FastifyRequest) => Promise<IdTokenClaims | undefined>
  }
  interface FastifyRequest extends Namespaces {
    /** The claims of the access token, behind `requireBearer`. */
    bearer: AccessTokenClaims
  }
}

export interface AccessTokenPluginOptions {
  keys: Pick<KeyService, 'verificationKey' | 'retiredVerificationKey'>
  issuer: string
  /** TOKEN_AUDIENCE. */
  audience: string[]
  /** RESOURCES. */
  resources: string[]
  /** ACCESS_TOKEN_TYPE. */
  accessTokenType: TokenType
  /** True for the id of a third-party client, whose tokens open the userinfo endpoint alone. */
  isThirdParty?: (clientId: string) => boolean
}

type FindKey = KeyService['verificationKey']

/** A user's token also has `sid`, which `hasSession` checks. */
const ACCESS_TOKEN_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id']
const ID_TOKEN_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'iat', 'sid', 'at_hash']

/**
 * Verifies the tokens of this server with @fastify/jwt (RFC 9068 section 4). Each kind of token has a namespace with
 * its own options, because options given to a single call make the plugin parse the key again. `requiredClaims` names
 * every claim that matters, because fast-jwt checks others only where the token has them.
 */
export const accessToken = fp<AccessTokenPluginOptions>(async (app, options) => {
  const { keys, issuer, audience, resources, accessTokenType, isThirdParty = () => false } = options
  const publicKeyBy = (find: FindKey) => ({
    public: (_request: FastifyRequest, token: TokenOrHeader) => findPublicKey(find, token)
  })
  const common = { secret: publicKeyBy(keys.verificationKey), decode: { complete: true } }
  const signature: FastifyJWTOptions['verify'] = { algorithms: ['ES256', 'RS256', 'EdDSA'], allowedIss: issuer }
  const accessTokens: FastifyJWTOptions['verify'] = {
    ...signature,
    checkTyp: accessTokenType,
    allowedAud: audience,
    requiredClaims: ACCESS_TOKEN_CLAIMS,
    extractToken: authorizationToken
  }
  const ofAnyResource = { ...accessTokens, allowedAud: [...audience, ...resources] }

  await app.register(jwt, { ...common, namespace: 'accessToken', decoratorName: 'bearer', verify: accessTokens })
  await app.register(jwt, { ...common, namespace: 'resourceToken', decoratorName: 'bearer', verify: ofAnyResource })
  await app.register(jwt, {
    ...common,
    namespace: 'accessTokenIgnoringExpiration',
    decoratorName: 'presentedToken',
    verify: { ...ofAnyResource, ignoreExpiration: true, extractToken: presentedAccessToken }
  })
  await app.register(jwt, {
    ...common,
    // A hint counts for as long as its session lives, whatever keys were rotated since.
    secret: publicKeyBy(keys.retiredVerificationKey),
    namespace: 'idToken',
    decoratorName: 'presentedToken',
    verify: {
      ...signature,
      checkTyp: 'JWT',
      requiredClaims: ID_TOKEN_CLAIMS,
      ignoreExpiration: true,
      extractToken: idTokenHint
    }
  })
  // The plugin itself decorates the request for its first namespace only.
  app.decorateRequest('presentedToken', null)

  /** Each hook remembers its own tokens: what one has accepted, the other may not. */
  function createRequireBearer (verify: (request: FastifyRequest) => Promise<unknown>) {
    const verifiedTokens = createVerifiedTokens(keys)

    /** Sets the request's `bearer`. */
    async function verifyToken (request: FastifyRequest): Promise<void> {
      const authorization = request.headers.authorization as string
      const claims = await verifiedTokens.find(authorization)
      if (claims) {
        request.bearer = claims
        return
      }
      await verify(request).catch((error) => {
        if (isDatabaseUnavailable(error) || error.code === 'insufficient_scope') throw error
        if (error.code === 'FST_JWT_AUTHORIZATION_TOKEN_EXPIRED') {
          throw badBearer('token_expired', 'The access token has expired.')
        }
        throw badBearer('invalid_token', 'The access token is not valid.')
      })
      if (!hasSession(request.bearer)) {
        throw badBearer('invalid_token', isClientToken(request.bearer)
          ? 'This is the access token of a client itself: it opens nothing of a user.'
          : 'The access token is not valid.')
      }
      const { header: { kid } } = await request.accessTokenJwtDecode<{ header: { kid: string } }>()
      verifiedTokens.add(authorization, kid, request.bearer)
    }

    return async (request: FastifyRequest) => {
      if (!hasBearer(request)) throw unauthorized()
      await verifyToken(request)
      await app.assertSender(request, request.bearer)
    }
  }

  /** Verifies a token for this server. A valid one of a third-party client is refused as such. */
  async function verifyOwnToken (request: FastifyRequest): Promise<void> {
    const { payload } = await request.accessTokenJwtDecode<{ payload: Partial<AccessTokenClaims> }>()
    if (typeof payload.client_id === 'string' && isThirdParty(payload.client_id)) {
      await request.resourceTokenJwtVerify()
      throw thirdPartyRefused()
    }
    await request.accessTokenJwtVerify()
  }

  app.decorate('requireBearer', createRequireBearer(verifyOwnToken))
  app.decorate('requireBearerOfAnyResource', createRequireBearer((request) => request.resourceTokenJwtVerify()))
  app.decorate('isForThisServer', ({ aud }) => [aud].flat().some((each) => audience.includes(each)))

  app.decorate('readBearer', async (request: FastifyRequest) =>
    await app.requireBearer(request).then(() => request.bearer, () => undefined))

  app.decorate('readAccessToken', (request: FastifyRequest) => unlessInvalid((async () => {
    const claims = await request.accessTokenIgnoringExpirationJwtVerify<AccessTokenClaims | ClientTokenClaims>()
    if (tokenParameter(request) === undefined) await app.assertSender(request, claims)
    return hasSession(claims) || isClientToken(claims) ? claims : undefined
  })()))

  app.decorate('readIdToken', (request: FastifyRequest) =>
    unlessInvalid(request.idTokenJwtVerify<IdTokenClaims>()))
}, { name: 'access-token', dependencies: ['dpop'] })

/** True for a user's token. */
const hasSession = (claims: AccessTokenClaims | ClientTokenClaims) => 'sid' in claims

/**
 * The key that the token's `kid` names, which must be for the token's `alg`. Throws for any other token, so that no
 * unknown `kid` is ever verified with some other key.
 */
async function findPublicKey (find: FindKey, token: TokenOrHeader): Promise<string> {
  const { header: { kid, alg }, signature = '' } = token as { header: JwtHeader, signature?: string }
  const key = typeof kid === 'string' && isCanonical(signature) ? await find(kid) : undefined
  if (!key || key.alg !== alg) throw new Problem('invalid_token')
  return key.publicPem
}

/**
 * True for the canonical spelling of the bytes. The last character may carry bits that decoders ignore (RFC 4648
 * section 3.5), so that other spellings of a signature would verify, too.
 */
function isCanonical (base64url: string): boolean {
  return Buffer.from(base64url, 'base64url').toString('base64url') === base64url
}

function presentedAccessToken (request: FastifyRequest): string | undefined {
  return tokenParameter(request) ?? authorizationToken(request)
}

function tokenParameter ({ body }: FastifyRequest): string | undefined {
  return (body as { token?: string } | null | undefined)?.token
}

/** By the scheme Bearer (RFC 6750 section 2.1) or DPoP (RFC 9449 section 7.1). */
function authorizationToken ({ headers }: FastifyRequest): string | undefined {
  const [, token] = /^(?:Bearer|DPoP) (\S+)$/i.exec(headers.authorization ?? '') ?? []
  return token
}

function idTokenHint ({ body, query }: FastifyRequest): string | undefined {
  return ((body ?? query) as { id_token_hint?: string }).id_token_hint
}

async function unlessInvalid<Claims> (verification: Promise<Claims>): Promise<Claims | undefined> {
  return await verification.catch((error) => {
    if (isDatabaseUnavailable(error)) throw error
    return undefined
  })
}
