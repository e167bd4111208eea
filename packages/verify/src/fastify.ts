import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import {
  PROOF_ERRORS, RETRY_AFTER_SECONDS, assertRealm, challengedScope, isDpop, missingScopes, toChallenge, tokenOf
} from './bearer.ts'
import type { AccessTokenClaims } from './claims.ts'
import type { PresentedProof } from './proofs.ts'
import { describeResource, type ResourceDescription } from './resource-metadata.ts'
import { VerificationError } from './verification-error.ts'
import { createVerifier, type VerifierOptions } from './verifier.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** An `onRequest` hook that answers 401 unless the request has a valid access token. See `request.claims`. */
    requireBearer: BearerHook
    /** The same, and answers 403 unless the token has the role. */
    requireRole: (role: string) => BearerHook
    /**
     * The same, and answers 403 unless the token has all these scopes. The challenge names those that it has and those
     * that it lacks, for the client to ask for.
     */
    requireScope: (...scopes: string[]) => BearerHook
    /**
     * The same, and answers 401 unless the person signed in within `maxAge` seconds (RFC 9470). The challenge has
     * `max_age`: an app that sends the person to /oauth2/authorize with it comes back with a token that will do.
     */
    requireRecent: (rule: { maxAge: number }) => BearerHook
  }
  interface FastifyRequest {
    /** The claims of the verified access token. Throws on a route without one of these hooks. */
    readonly claims: AccessTokenClaims
  }
}

export type BearerHook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

export interface SignetOptions extends VerifierOptions {
  /** The realm of challenges; the audience unless given. */
  realm?: string | undefined
  /**
   * The URL that clients know this service by, without a slash at its end, for DPoP proofs: where a proxy changes host
   * or path. Unless given, the origin of `protectedResource`, or without that of each request, whose Host the caller
   * chooses.
   */
  publicUrl?: string | undefined
  /**
   * Serves the metadata of this API where clients look for it (RFC 9728), and names it in challenges. Its `resource` is
   * the audience unless that is given.
   */
  protectedResource?: ResourceDescription | undefined
}

interface RefusalOptions { more?: Record<string, string | undefined>, dpop?: boolean }

async function plugin (app: FastifyInstance, options: SignetOptions): Promise<void> {
  const { issuer, protectedResource, audience = protectedResource?.resource, clockToleranceSeconds = 5 } = options
  const { realm = audience ?? issuer } = options
  assertRealm(realm)
  const metadata = protectedResource && describeResource(issuer, protectedResource)
  const { publicUrl = protectedResource && new URL(protectedResource.resource).origin } = options
  const verifier = createVerifier({
    onError: (error) => app.log.warn({ err: error }, 'Signet could not be asked'),
    ...options,
    audience
  })
  const verified = new WeakMap<FastifyRequest, AccessTokenClaims>()
  app.addHook('onClose', async () => verifier.close())

  if (metadata) {
    app.get(metadata.path, async (_request, reply) => {
      reply.header('access-control-allow-origin', '*').header('cache-control', 'public, max-age=300')
      return metadata.document
    })
  }

  app.decorateRequest('claims', {
    getter () {
      const claims = verified.get(this)
      if (!claims) throw new Error('request.claims is there behind requireBearer, requireRole or requireRecent only.')
      return claims
    }
  })

  /** Undefined for a token that came as Bearer, without a proof. */
  function proofOf (request: FastifyRequest): PresentedProof | undefined {
    const { headers: { dpop }, method } = request
    const bySchemeDpop = isDpop(request.headers.authorization)
    if (!bySchemeDpop && dpop === undefined) return undefined
    const base = publicUrl ?? `${request.protocol}://${request.host}`
    return { proof: bySchemeDpop ? String(dpop ?? '') : undefined, method, url: base + request.originalUrl }
  }

  /**
   * RFC 6750 section 3, or RFC 9449 section 7.1 for the scheme DPoP. The header is set here and not by the error: so
   * it is there whatever the app makes of its errors.
   */
  function refusal (
    reply: FastifyReply,
    statusCode: 401 | 403,
    code: string,
    message: string,
    error?: string,
    { more = {}, dpop = isDpop(reply.request.headers.authorization) }: RefusalOptions = {}
  ): Error {
    const parameters = { ...more, resource_metadata: metadata?.url }
    reply.header('www-authenticate', toChallenge({ realm, dpop, error, message, more: parameters }))
    return Object.assign(new Error(message), { statusCode, code })
  }

  /** `scope` is what the request needs, for the challenge of one without a token. */
  async function claimsOf (request: FastifyRequest, reply: FastifyReply, scope?: string): Promise<AccessTokenClaims> {
    const token = tokenOf(request.headers.authorization)
    if (token === undefined) {
      throw refusal(reply, 401, 'unauthorized', 'This needs an access token.', undefined, { more: { scope } })
    }
    try {
      return await verifier.verify(token, proofOf(request))
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      if (error.status === 401) {
        const proofError = PROOF_ERRORS[error.code]
        const scheme = proofError === undefined ? {} : { dpop: true }
        const more = { scope }
        throw refusal(reply, 401, error.code, error.message, proofError ?? 'invalid_token', { ...scheme, more })
      }
      request.log.error({ err: error }, 'an access token could not be verified')
      reply.header('retry-after', String(RETRY_AFTER_SECONDS))
      throw Object.assign(new Error('Access tokens cannot be verified right now.'), {
        statusCode: error.status,
        code: error.code
      })
    }
  }

  app.decorate('requireBearer', async (request: FastifyRequest, reply: FastifyReply) => {
    // A proof passes once, and a route may have this hook from two scopes.
    verified.set(request, verified.get(request) ?? (await claimsOf(request, reply)))
  })

  app.decorate('requireRole', (role: string): BearerHook => async (request, reply) => {
    const claims = verified.get(request) ?? (await claimsOf(request, reply))
    if (!claims.roles.includes(role)) {
      throw refusal(
        reply,
        403,
        'forbidden',
        'This needs a role that the access token does not have.',
        'insufficient_scope'
      )
    }
    verified.set(request, claims)
  })

  app.decorate('requireScope', (...scopes: string[]): BearerHook => async (request, reply) => {
    const claims = verified.get(request) ?? (await claimsOf(request, reply, scopes.join(' ') || undefined))
    const missing = missingScopes(claims.scope, scopes)
    if (missing.length > 0) {
      const error = 'insufficient_scope'
      throw refusal(reply, 403, error, `This needs the scope ${missing.join(' ')}.`, error, {
        more: { scope: challengedScope(claims.scope, scopes) }
      })
    }
    verified.set(request, claims)
  })

  app.decorate('requireRecent', ({ maxAge }: { maxAge: number }): BearerHook => {
    if (!Number.isInteger(maxAge) || maxAge < 0) throw new TypeError('maxAge must be whole seconds.')
    return async (request, reply) => {
      const claims = verified.get(request) ?? (await claimsOf(request, reply))
      // A client's own token, and one that a personal token brought, are issued without a sign-in.
      const signedInAt = claims.amr?.includes('personal_token') ? -Infinity : claims.auth_time ?? -Infinity
      const age = Date.now() / 1000 - signedInAt
      if (age > maxAge + clockToleranceSeconds) {
        const error = 'insufficient_user_authentication'
        throw refusal(reply, 401, error, 'This needs a more recent sign-in.', error, {
          more: { max_age: String(maxAge) }
        })
      }
      verified.set(request, claims)
    }
  })
}

/**
 * For Fastify 5: `requireBearer`, `requireRole`, `requireScope`, `requireRecent` and `request.claims`, for the scope it
 * is registered in and those below.
 */
export const signet: FastifyPluginAsync<SignetOptions> = Object.assign(plugin, {
  // What fastify-plugin sets: decorators reach the scope that registers it.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'signet-verify',
  [Symbol.for('plugin-meta')]: { name: 'signet-verify', fastify: '5.x' }
})
