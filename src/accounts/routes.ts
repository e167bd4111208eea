import { createHash } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { NullableText } from '../http/nullable.ts'
import { callerOf } from '../http/caller.ts'
import { listQuery, pageOfAll, pageSchema } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { SIGNED_IN, forSignedInUsers, sessionEnded } from '../sessions/signed-in.ts'
import type { SessionService } from '../sessions/service.ts'
import type { UserRepository } from '../users/repository.ts'
import { AccountSchema } from '../users/user.ts'
import type { AccountService } from './service.ts'

export interface AccountOptions { accounts: AccountService, users: UserRepository, sessions: SessionService }

const TAGS = ['Accounts']
const security = [{ bearer: [] }]
const AccountParams = Type.Object({ id: Type.String({ format: 'uuid' }) })

/** The accounts of the signed-in user. Another user's are as good as not there: 404. */
export const accountRoutes: FastifyPluginAsyncTypebox<AccountOptions> = async (app, { accounts, users, sessions }) => {
  forSignedInUsers(app, sessions)

  app.get('/me/accounts', {
    schema: {
      summary: 'The linked accounts',
      description: 'Oldest first.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: pageSchema(AccountSchema), ...problems('validation_failed', ...SIGNED_IN) }
    }
  }, async ({ bearer, query }) => {
    const user = await users.bySession(bearer.sid, bearer.sub)
    if (!user) throw sessionEnded()
    return pageOfAll(user.accounts, query, ({ createdAt, id }) => ({ time: new Date(createdAt), id }))
  })

  app.post('/me/accounts', {
    schema: {
      summary: 'Link an account',
      description: 'With the code of a sign-in that began at /oauth2/authorize with `intent=link`.',
      tags: TAGS,
      security,
      body: Type.Object({
        code: Type.String({ minLength: 1, maxLength: 200 }),
        code_verifier: Type.String({ pattern: '^[A-Za-z0-9._~-]{43,128}$' }),
        redirect_uri: Type.String({ pattern: '^[\\x21-\\x7e]{1,1000}$' }),
        client_id: Type.String({ pattern: '^[\\x20-\\x7e]{1,200}$' })
      }, { additionalProperties: false }),
      response: { 201: AccountSchema, ...problems('validation_failed', 'invalid_grant', 'account_taken', 'rate_limited', ...SIGNED_IN) }
    }
  }, async (request, reply) => {
    const { code, code_verifier: codeVerifier, redirect_uri: redirectUri, client_id: clientId } = request.body
    const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url')
    const account = await accounts.link(request.bearer.sub, code, { clientId, redirectUri, codeChallenge }, callerOf(request))
    if (!account) throw sessionEnded()
    return reply.code(201).send(account)
  })

  app.delete('/me/accounts/:id', {
    schema: {
      summary: 'Unlink an account',
      description: 'The grant is also taken back at the provider, where it offers that: in the background.',
      tags: TAGS,
      security,
      params: AccountParams,
      response: { 204: Type.Null(), ...problems('validation_failed', 'not_found', 'last_account', 'rate_limited', ...SIGNED_IN) }
    }
  }, async (request, reply) => {
    await accounts.unlink(request.bearer.sub, request.params.id, callerOf(request))
    return reply.code(204).send(null)
  })

  app.post('/me/accounts/:id/token', {
    schema: {
      summary: 'A working access token of the provider',
      description: 'Refreshed if need be: once, however many ask at the same time.',
      tags: TAGS,
      security,
      params: AccountParams,
      response: {
        200: Type.Object({
          accessToken: Type.String(),
          expiresAt: NullableText({ format: 'date-time', description: 'Null where the provider does not say.' }),
          scope: Type.String()
        }),
        ...problems('validation_failed', 'not_found', 'reauthorization_required', 'provider_error', 'provider_timeout', 'rate_limited', ...SIGNED_IN)
      }
    }
  }, async ({ bearer, params }) => await accounts.providerToken(bearer.sub, params.id))
}
