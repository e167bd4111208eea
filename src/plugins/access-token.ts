import fp from 'fastify-plugin'
import jwt from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.ts'
import type { AccessTokenClaims } from '../keys/access-tokens.ts'
import type { KeyService } from '../keys/service.ts'
import { isDatabaseUnavailable } from '../database/unavailable.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook: nobody comes past it without a valid access token. Touches no database. */
    requireBearer: (request: FastifyRequest) => Promise<void>
    /**
     * The claims of an access token that this server signed, expired or not, for ending its session; the one in the
     * Authorization header unless another is given. Undefined for anything else.
     */
    readAccessToken: (request: FastifyRequest, token?: string) => Promise<AccessTokenClaims | undefined>
    /** The claims of an ID token that this server made for a client, expired or not; undefined for anything else. */
    readIdToken: (request: FastifyRequest, token: string, clientId: string) => Promise<{ sid: string } | undefined>
    /** The claims of a valid bearer, undefined without one or with a bad one. */
    readBearer: (request: FastifyRequest) => Promise<AccessTokenClaims | undefined>
  }
  interface FastifyRequest {
    /** The claims behind `requireBearer`. */
    bearer: AccessTokenClaims
  }
}

export interface AccessTokenOptions { keys: KeyService, issuer: string, audience: string }

const REALM = 'Bearer realm="signet"'
const REQUIRED_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id', 'sid']

/**
 * Verifies access tokens (RFC 9068 section 4) with `@fastify/jwt`: the key and its algorithm come from the `kid`, never
 * from the token's own word; type, issuer, audience and every claim are demanded and not only checked when present.
 */
export const accessToken = fp<AccessTokenOptions>(async (app, { keys, issuer, audience }) => {
  await app.register(jwt, {
    decoratorName: 'bearer',
    secret: {
      public: (async (_request: FastifyRequest, token: { header?: { kid?: unknown, alg?: unknown } }) => {
        const { kid, alg } = token.header ?? {}
        const key = typeof kid === 'string' ? await keys.verificationKey(kid) : undefined
        if (!key || key.alg !== alg) throw new Problem('invalid_token')
        return key.publicPem
      }) as never
    } as never,
    decode: { complete: true },
    verify: {
      algorithms: ['ES256', 'RS256', 'EdDSA'],
      allowedIss: issuer,
      allowedAud: audience,
      requiredClaims: REQUIRED_CLAIMS,
      checkTyp: 'at+jwt',
      cache: 10_000
    } as never
  })

  app.decorate('requireBearer', async (request: FastifyRequest) => {
    if (!hasBearer(request)) throw unauthorized()
    await request.jwtVerify().catch((error) => {
      if (isDatabaseUnavailable(error)) throw error
      if (error.code === 'FST_JWT_AUTHORIZATION_TOKEN_EXPIRED') throw badBearer('token_expired', 'The access token has expired.')
      throw badBearer('invalid_token', 'The access token is not valid.')
    })
  })

  app.decorate('readAccessToken', async (request: FastifyRequest, token?: string) => {
    const verify = { ignoreExpiration: true, ...token === undefined ? {} : { extractToken: () => token } }
    return await request.jwtVerify<AccessTokenClaims>({ verify } as never).catch((error) => {
      if (isDatabaseUnavailable(error)) throw error
      return undefined
    })
  })

  app.decorate('readIdToken', async (request: FastifyRequest, token: string, clientId: string) => {
    const requiredClaims = ['iss', 'sub', 'aud', 'sid', 'at_hash']
    const verify = { ignoreExpiration: true, extractToken: () => token, checkTyp: 'JWT', allowedAud: clientId, requiredClaims }
    return await request.jwtVerify<{ sid: string }>({ verify } as never).catch((error) => {
      if (isDatabaseUnavailable(error)) throw error
      return undefined
    })
  })

  app.decorate('readBearer', async (request: FastifyRequest) => {
    if (!hasBearer(request)) return undefined
    return await app.requireBearer(request).then(() => request.bearer, () => undefined)
  })
}, { name: 'access-token' })

/** True when a token came, good or bad. */
export function hasBearer (request: FastifyRequest): boolean {
  return /^Bearer +\S/i.test(request.headers.authorization ?? '')
}

/** RFC 6750 section 3: no error code when no token came. */
function unauthorized (): Problem {
  return new Problem('unauthorized', 'This needs an access token: Authorization: Bearer <access_token>.', { headers: { 'www-authenticate': REALM } })
}

/** Also thrown by routes whose database knows more than the token: a session that has ended, a user who is gone. */
export function badBearer (code: 'invalid_token' | 'token_expired', detail: string): Problem {
  return new Problem(code, detail, { headers: { 'www-authenticate': `${REALM}, error="invalid_token", error_description="${detail}"` } })
}
