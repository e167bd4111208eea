import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { errorPageHandler } from '../http/error-page.ts'
import { html, sendPage } from '../http/pages.ts'
import { asOAuthMembers, problems } from '../http/problem-details.ts'
import type { SessionService } from '../sessions/service.ts'
import type { Clients } from '../clients/clients.ts'

export interface LogoutOptions { sessions: SessionService, clients: Clients }

const Parameter = (maxLength: number, description: string) => Type.Optional(Type.String({ maxLength, description }))

const LogoutRequestSchema = Type.Object({
  id_token_hint: Parameter(8192, 'An ID token of the session; an expired one will do.'),
  post_logout_redirect_uri: Parameter(1000, 'One that the client has registered, to the letter.'),
  state: Parameter(1024, 'Comes back as it is.'),
  client_id: Parameter(200, 'Must be the one of the ID token.')
})

/** OpenID Connect RP-Initiated Logout 1.0. The hint names the session; without one there is nothing that could be ended. */
export const rpLogoutRoutes: FastifyPluginAsyncTypebox<LogoutOptions> = async (app, { sessions, clients }) => {
  app.setErrorHandler(errorPageHandler({ title: 'Not signed out', extraMembers: asOAuthMembers }))

  const schema = (method: string) => ({
    summary: `Log out, from a client, by ${method}`,
    tags: ['OAuth 2.1'],
    response: {
      200: { description: 'A page that says so.', content: { 'text/html': { schema: Type.String() } } },
      302: { description: 'To the client.', type: 'null' },
      ...problems('invalid_request', 'validation_failed')
    }
  })

  app.get('/oauth2/logout', {
    exposeHeadRoute: false,
    schema: { ...schema('GET'), querystring: LogoutRequestSchema }
  }, async (request, reply) => await logOut(request, reply, request.query) as never)

  // Section 2: both methods, the parameters of a POST as a form.
  app.post('/oauth2/logout', {
    schema: { ...schema('POST'), body: LogoutRequestSchema }
  }, async (request, reply) => await logOut(request, reply, request.body) as never)

  async function logOut (request: FastifyRequest, reply: FastifyReply, parameters: Static<typeof LogoutRequestSchema>): Promise<FastifyReply> {
    const { id_token_hint: hint, post_logout_redirect_uri: returnTo, state, client_id: clientId } = parameters
    reply.header('cache-control', 'no-store')
    const client = await clients.find(clientId ?? audienceOf(hint))
    const claims = hint === undefined || !client ? undefined : await app.readIdToken(request, hint, client.clientId)
    if (!client || !claims) throw new Problem('invalid_request', 'id_token_hint must be an ID token that this server made for the client.')
    if (returnTo !== undefined && !client.postLogoutRedirectUris.includes(returnTo)) {
      throw new Problem('invalid_request', `The post_logout_redirect_uri "${returnTo}" is not registered for the client "${client.clientId}".`)
    }
    await sessions.revoke(claims.sid, 'logout', callerOf(request))
    if (returnTo === undefined) return sendPage(reply, 'Signed out', html`<p>You can close this page.</p>`)
    const url = new URL(returnTo)
    if (state !== undefined) url.searchParams.set('state', state)
    return reply.redirect(url.href, 302)
  }
}

/** Whom an ID token says it is for: a claim, until the token has been verified for that client. */
function audienceOf (idToken: string | undefined): string {
  try {
    const { aud } = decodeJwt(idToken ?? '')
    return typeof aud === 'string' ? aud : ''
  } catch {
    return ''
  }
}
