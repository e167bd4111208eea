import fp from 'fastify-plugin'
import jwt from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import { badBearer, hasBearer, unauthorized } from '../http/bearer.ts'
import { Problem } from '../http/errors.ts'
import type { AccessTokenClaims } from '../tokens/access-tokens.ts'
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

const REQUIRED_CLAIMS = ['iss', 'sub', 'aud', 'exp', 'iat', 'jti', 'client_id', 'sid']

/**
 * Verifies access tokens (RFC 9068 section 4) with `@fastify/jwt`: the key and its algorithm come from the `kid`, never
 * from the token's own word; type, issuer, audience and every claim are demanded and not only checked when present.
 */
export const accessToken = fp<AccessTokenOptions>(async (app, { keys, issuer, audience }) => {
  await app.register(jwt, {
    decoratorName: 'bearer',
    secret: {
      public: (async (_request: FastifyRequest, token: { header?: { kid?: unknown, alg?: unknown }, signature?: string }) => {
        const { kid, alg } = token.header ?? {}
        if (!isCanonical(token.signature ?? '')) throw new Problem('invalid_token')
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
      checkTyp: 'at+jwt'
    } as never
  })
  const verified = createVerifiedTokens()

  app.decorate('requireBearer', async (request: FastifyRequest) => {
    if (!hasBearer(request)) throw unauthorized()
    const authorization = request.headers.authorization as string
    const known = verified.get(authorization)
    // Its key may have been taken away since.
    if (known && await keys.verificationKey(known.kid)) {
      request.bearer = known.claims
      return
    }
    await request.jwtVerify().catch((error) => {
      if (isDatabaseUnavailable(error)) throw error
      if (error.code === 'FST_JWT_AUTHORIZATION_TOKEN_EXPIRED') throw badBearer('token_expired', 'The access token has expired.')
      throw badBearer('invalid_token', 'The access token is not valid.')
    })
    verified.add(authorization, request.bearer)
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

/** A token has one spelling. The last character may hold bits that say nothing (RFC 4648 section 3.5): with others it would still verify. */
function isCanonical (base64url: string): boolean {
  return Buffer.from(base64url, 'base64url').toString('base64url') === base64url
}

interface VerifiedToken { claims: AccessTokenClaims, kid: string }

const MOST_VERIFIED_TOKENS = 10_000

/**
 * What was found behind an Authorization header, by the whole of it: a client sends the same token for fifteen minutes, and
 * @fastify/jwt decodes and hashes it each time before its own cache can know it, a third of the time of a GET /me.
 */
function createVerifiedTokens () {
  const tokens = new Map<string, VerifiedToken>()

  return {
    /** Not a token that has expired meanwhile. */
    get (authorization: string): VerifiedToken | undefined {
      const known = tokens.get(authorization)
      return known && known.claims.exp * 1000 > Date.now() ? known : undefined
    },

    /** The oldest makes room. */
    add (authorization: string, claims: AccessTokenClaims): void {
      const [header = ''] = authorization.replace(/^Bearer +/i, '').split('.')
      const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
      if (tokens.size >= MOST_VERIFIED_TOKENS) tokens.delete(tokens.keys().next().value as string)
      tokens.set(authorization, { claims: Object.freeze(claims), kid })
    }
  }
}
