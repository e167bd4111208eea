import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { insufficientScope } from '../../../src/http/bearer.ts'
import { inSchemeOf } from '../../../src/http/dpop.ts'
import { Problem } from '../../../src/http/errors.ts'
import { toProblem } from '../../../src/http/problem-details.ts'
import { sessionEnded } from '../../../src/sessions/signed-in.ts'
import { hasScope } from '../../../src/tokens/scope.ts'
import { createTokenCheck } from './token-check.ts'
import type { AccessTokenClaims, Guard, Signet } from './types.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** `app.signet` of the host, from what Signet's own app gives it. */
export async function createSignet (app: FastifyInstance, issuerUrl: string): Promise<Signet> {
  const { users, sessions } = app.forHost
  const checkToken = await createTokenCheck(app, issuerUrl)
  const claimsOf = new WeakMap<FastifyRequest, AccessTokenClaims>()

  /** A guard: verifies the access token, then runs `check`, which throws for a token that does not do. */
  const guard = (check?: (claims: AccessTokenClaims) => Promise<void> | void): Guard => async (request, reply) => {
    try {
      const claims = claimsOf.get(request) ?? await checkToken(request)
      await check?.(claims)
      claimsOf.set(request, claims)
    } catch (error) {
      throw withHeaders(toProblem(error), request, reply)
    }
  }

  return {
    issuerUrl,
    requireBearer: guard(),
    requireSession: guard(async ({ sid }) => {
      if (!await sessions.isActive(sid)) throw sessionEnded()
    }),
    requireRole: (role) => guard(({ roles }) => {
      if (!roles.includes(role)) throw new Problem('forbidden', `This needs the role ${role}.`)
    }),
    requireScope: (scope) => guard((claims) => {
      if (!hasScope(claims.scope, scope)) throw insufficientScope(scope)
    }),
    claims (request) {
      const claims = claimsOf.get(request)
      if (!claims) throw new Error('The route has no guard: add onRequest: app.signet.requireBearer.')
      return claims
    },
    users: {
      find: async (id) => UUID.test(id) ? await users.find(id) : undefined,
      findByEmail: async (email) => await users.findByEmail(email.normalize('NFKC').toLowerCase())
    }
  }
}

/** The problem. Its challenge is set on the reply, so that it is sent whatever the host's error handler does. */
function withHeaders (problem: Problem, request: FastifyRequest, reply: FastifyReply): Problem {
  reply.headers(inSchemeOf(request, problem.headers))
  return Object.assign(problem, { statusCode: problem.status })
}
