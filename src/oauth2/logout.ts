import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import { errorPageHandler } from '../http/error-page.ts'
import { html, sendPage } from '../http/pages.ts'
import { asOAuthMembers, problems } from '../http/problem-details.ts'
import { isRedirectUri } from '../http/url.ts'
import type { SessionService } from '../sessions/service.ts'
import type { Clients } from '../clients/clients.ts'

export interface RpLogoutOptions { sessions: Pick<SessionService, 'end'>, clients: Clients }

const Parameter = (maxLength: number, description: string) => Type.Optional(Type.String({ maxLength, description }))

const LogoutRequestSchema = Type.Object({
  id_token_hint: Parameter(8192, 'Required: an ID token of the session, which may have expired.'),
  post_logout_redirect_uri: Parameter(1000, 'One of the client\'s registered URIs, compared as text.'),
  state: Parameter(1024, 'Returned unchanged.'),
  client_id: Parameter(200, 'Must be the audience of the ID token.')
})

type LogoutRequest = Static<typeof LogoutRequestSchema>

/** OpenID Connect RP-Initiated Logout 1.0. The hint is required because its `sid` names the session to end. */
export const rpLogoutRoutes: FastifyPluginAsyncTypebox<RpLogoutOptions> = async (app, { sessions, clients }) => {
  app.setErrorHandler(errorPageHandler({ title: 'Not signed out', extraMembers: asOAuthMembers }))

  const schema = (method: string) => ({
    summary: `Log out, from a client, by ${method}`,
    tags: ['OAuth 2.1'],
    response: {
      200: { description: 'A page that confirms it.', content: { 'text/html': { schema: Type.String() } } },
      302: { description: 'Back to the client.', type: 'null' },
      ...problems('invalid_request', 'validation_failed')
    }
  })

  app.get('/oauth2/logout', {
    exposeHeadRoute: false,
    schema: { ...schema('GET'), querystring: LogoutRequestSchema }
  }, async (request, reply) => {
    await logOut(request, reply, request.query)
    return reply
  })

  // Section 2 requires both methods. A POST carries the parameters as a form.
  app.post('/oauth2/logout', {
    schema: { ...schema('POST'), body: LogoutRequestSchema }
  }, async (request, reply) => {
    await logOut(request, reply, request.body)
    return reply
  })

  async function logOut (request: FastifyRequest, reply: FastifyReply, parameters: LogoutRequest): Promise<void> {
    const { post_logout_redirect_uri: returnTo, state, client_id: clientId } = parameters
    reply.header('cache-control', 'no-store')
    const claims = await app.readIdToken(request)
    const client = claims && await clients.find(claims.aud)
    if (!client || (clientId !== undefined && clientId !== client.clientId)) {
      throw new Problem('invalid_request', 'id_token_hint must be an ID token that this server issued to the client.')
    }
    if (returnTo !== undefined && !(client.postLogoutRedirectUris.includes(returnTo) && isRedirectUri(returnTo))) {
      throw new Problem('invalid_request',
        `The post_logout_redirect_uri "${returnTo}" is not registered for the client "${client.clientId}".`)
    }
    await sessions.end(claims.sid, 'logout', callerOf(request))
    if (returnTo === undefined) {
      sendPage(reply, 'Signed out', html`<p>You can close this page.</p>`)
      return
    }
    const url = new URL(returnTo)
    if (state !== undefined) url.searchParams.set('state', state)
    reply.redirect(url.href, 302)
  }
}
