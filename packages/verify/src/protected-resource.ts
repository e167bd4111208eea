import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  PROOF_ERRORS, RETRY_AFTER_SECONDS, assertRealm, challengedScope, isDpop, missingScopes, toChallenge, tokenOf,
  type Challenge
} from './bearer.ts'
import type { AccessTokenClaims } from './claims.ts'
import type { PresentedProof } from './proofs.ts'
import { describeResource, type ResourceDescription } from './resource-metadata.ts'
import { VerificationError } from './verification-error.ts'
import { createVerifier, type VerifierOptions } from './verifier.ts'

export interface ProtectedResourceOptions extends VerifierOptions, ResourceDescription {
  /** The realm of challenges; the resource unless given. */
  realm?: string | undefined
}

/** An API on Node's own http server, or on a framework that hands on its requests, such as Express. */
export interface ProtectedResource {
  /** Where clients find its metadata (RFC 9728 section 3.1). */
  metadataUrl: string
  metadata: Record<string, unknown>
  /** Answers a request for the metadata. False for any other request, which stays unanswered. */
  serveMetadata: (request: IncomingMessage, response: ServerResponse) => boolean
  /**
   * The claims of the request's access token, if it is good and has these scopes. Undefined where it is not: then the
   * request is answered with 401, 403 `insufficient_scope`, or 503.
   */
  authorize: (
    request: IncomingMessage, response: ServerResponse, ...scopes: string[]
  ) => Promise<AccessTokenClaims | undefined>
  /** Ends the polling for revocations. */
  close: () => void
}

/**
 * Protects an API by Signet's access tokens, and tells clients where to get one. Throws TypeError as `createVerifier`
 * does.
 */
export function protectedResource (options: ProtectedResourceOptions): ProtectedResource {
  const { issuer, resource, realm = resource, audience = resource } = options
  assertRealm(realm)
  const { document, url: metadataUrl, path } = describeResource(issuer, options)
  const { origin } = new URL(resource)
  const verifier = createVerifier({ ...options, audience })

  function refuse (
    response: ServerResponse, status: 401 | 403, code: string, challenge: Omit<Challenge, 'realm'>
  ): undefined {
    const more = { ...challenge.more, resource_metadata: metadataUrl }
    const { message = 'This needs an access token.' } = challenge
    sendJson(response, status, { error: code, error_description: message }, {
      'www-authenticate': toChallenge({ ...challenge, realm, more })
    })
    return undefined
  }

  return {
    metadataUrl,
    metadata: document,
    close: verifier.close,

    serveMetadata (request, response) {
      const { method } = request
      if (urlOf(request).split('?')[0] !== path || !['GET', 'HEAD'].includes(method ?? '')) return false
      sendJson(response, 200, document, { 'access-control-allow-origin': '*', 'cache-control': 'public, max-age=300' })
      return true
    },

    async authorize (request, response, ...scopes) {
      const { authorization } = request.headers
      const token = tokenOf(authorization)
      const dpop = isDpop(authorization)
      const scope = scopes.length === 0 ? undefined : scopes.join(' ')
      if (token === undefined) return refuse(response, 401, 'unauthorized', { dpop, more: { scope } })
      try {
        const claims = await verifier.verify(token, proofOf(request, origin))
        const missing = missingScopes(claims.scope, scopes)
        if (missing.length === 0) return claims
        const error = 'insufficient_scope'
        const message = `This needs the scope ${missing.join(' ')}.`
        return refuse(response, 403, error, {
          dpop, error, message, more: { scope: challengedScope(claims.scope, scopes) }
        })
      } catch (error) {
        if (!(error instanceof VerificationError)) throw error
        const { code, status, message } = error
        if (status === 401) {
          const proofError = PROOF_ERRORS[code]
          return refuse(response, 401, code, {
            dpop: dpop || proofError !== undefined, error: proofError ?? 'invalid_token', message, more: { scope }
          })
        }
        sendJson(response, status, { error: code, error_description: 'Access tokens cannot be verified right now.' }, {
          'retry-after': String(RETRY_AFTER_SECONDS)
        })
        return undefined
      }
    }
  }
}

/** Undefined for a token that came as Bearer, without a proof. */
function proofOf (request: IncomingMessage, origin: string): PresentedProof | undefined {
  const { headers, method = 'GET' } = request
  const { authorization, dpop } = headers
  if (!isDpop(authorization) && dpop === undefined) return undefined
  return { proof: isDpop(authorization) ? String(dpop ?? '') : undefined, method, url: origin + urlOf(request) }
}

/** The whole path and query: Express cuts off where a handler is mounted, and keeps it here. */
function urlOf (request: IncomingMessage): string {
  const { originalUrl } = request as { originalUrl?: string }
  return originalUrl ?? request.url ?? '/'
}

function sendJson (response: ServerResponse, status: number, body: object, headers: Record<string, string>): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
