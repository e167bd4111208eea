import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { listQuery, pageOfAll, pageSchema } from '../http/lists.ts'
import { NullableText } from '../http/nullable.ts'
import { problems } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import {
  SESSION_ERRORS, requireActiveSession, requireRecentSignIn, requireScope, sessionEnded
} from '../sessions/signed-in.ts'
import { PROVIDER_TOKEN_SCOPE } from '../tokens/scope.ts'
import type { UserRepository } from '../users/repository.ts'
import { AccountSchema } from '../users/user.ts'
import type { AccountService } from './service.ts'

export interface AccountOptions { accounts: AccountService, users: UserRepository, sessions: SessionService }

const TOKEN_ERRORS = [
  'validation_failed', 'insufficient_scope', 'not_found', 'reauthorization_required', 'provider_error',
  'provider_timeout', 'rate_limited'
] as const

const TAGS = ['Accounts']
const security = [{ bearer: [] }]
const AccountParams = Type.Object({ id: Type.String({ format: 'uuid' }) })

/** The accounts of the signed-in user. Another user's account is a 404. */
export const accountRoutes: FastifyPluginAsyncTypebox<AccountOptions> = async (app, { accounts, users, sessions }) => {
  requireActiveSession(app, sessions)

  app.get('/me/accounts', {
    schema: {
      summary: 'List the linked accounts',
      description: 'Oldest first.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(AccountSchema), ...problems('validation_failed', ...SESSION_ERRORS) }
    }
  }, async ({ bearer, query }) => {
    const user = await users.bySession(bearer.sid, bearer.sub)
    if (!user) throw sessionEnded()
    return pageOfAll(user.accounts, query, ({ createdAt, id }) => ({ time: new Date(createdAt), id }))
  })

  app.post('/me/accounts', {
    onRequest: requireRecentSignIn,
    schema: {
      summary: 'Link an account',
      description: 'With the code of a sign-in that started at /oauth2/authorize with `intent=link`. Requires a ' +
        'sign-in of the user within the last ten minutes.',
      tags: TAGS,
      security,
      body: Type.Object({
        code: Type.String({ minLength: 1, maxLength: 200 }),
        code_verifier: Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' }),
        redirect_uri: Type.String({ pattern: '^[\\x21-\\x7e]{1,1000}$' }),
        client_id: Type.String({ pattern: '^[\\x20-\\x7e]{1,200}$' })
      }, { additionalProperties: false }),
      response: {
        201: AccountSchema,
        ...problems(
          'validation_failed', 'invalid_grant', 'reauthentication_required', 'email_not_allowed', 'account_taken',
          'rate_limited',
          ...SESSION_ERRORS
        )
      }
    }
  }, async (request, reply) => {
    const { code, code_verifier: codeVerifier, redirect_uri: redirectUri, client_id: clientId } = request.body
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url')
    const linkRequest = { clientId, redirectUri, codeChallenge }
    const account = await accounts.link(request.bearer.sub, code, linkRequest, callerOf(request))
    if (!account) throw sessionEnded()
    return reply.code(201).send(account)
  })

  app.delete('/me/accounts/:id', {
    onRequest: requireRecentSignIn,
    schema: {
      summary: 'Unlink an account',
      description: 'Also revokes the grant at the provider, if it supports that, in the background. Requires a ' +
        'sign-in within the last ten minutes.',
      tags: TAGS,
      security,
      params: AccountParams,
      response: {
        204: Type.Null(),
        ...problems(
          'validation_failed', 'reauthentication_required', 'not_found', 'last_account', 'rate_limited',
          ...SESSION_ERRORS
        )
      }
    }
  }, async (request, reply) => {
    await accounts.unlink(request.bearer.sub, request.params.id, callerOf(request))
    return reply.code(204).send(null)
  })

  app.post('/me/accounts/:id/token', {
    onRequest: requireScope(PROVIDER_TOKEN_SCOPE),
    schema: {
      summary: 'Get a valid access token of the provider',
      description: 'Refreshed when necessary: once for all concurrent requests. Requires the scope ' +
        '`provider_token`, which direct and cookie mode have.',
      tags: TAGS,
      security,
      params: AccountParams,
      response: {
        200: Type.Object({
          accessToken: Type.String(),
          expiresAt: NullableText({ format: 'date-time', description: 'Null when the provider does not say.' }),
          scope: Type.String()
        }),
        ...problems(...TOKEN_ERRORS, ...SESSION_ERRORS)
      }
    }
  }, async ({ bearer, params }) => await accounts.providerToken(bearer.sub, params.id))
}
