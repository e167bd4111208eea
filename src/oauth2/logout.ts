import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { Problem } from '../http/errors.ts'
import { errorPageHandler } from '../http/error-page.ts'
import { html, sendPage, wantsHtml } from '../http/pages.ts'
import { asOAuthMembers, problems } from '../http/problem-details.ts'
import { isRedirectUri } from '../http/url.ts'
import type { SessionService } from '../sessions/service.ts'
import type { Client, Clients } from '../clients/clients.ts'

export interface RpLogoutOptions {
  issuerUrl: string
  sessions: Pick<SessionService, 'end' | 'endByRefreshToken'>
  clients: Clients
  cookies: CookiePolicy
}

const Parameter = (maxLength: number, description: string) => Type.Optional(Type.String({ maxLength, description }))

const LogoutRequestSchema = Type.Object({
  id_token_hint: Parameter(8192, 'An ID token of the session, expired or not. Without one a page asks.'),
  post_logout_redirect_uri: Parameter(1000, 'One of the client\'s registered URIs, compared as text.'),
  state: Parameter(1024, 'Returned unchanged.'),
  client_id: Parameter(200, 'The client: the audience of the ID token, or without one whose URIs count.'),
  confirmed: Parameter(10, 'Of the page that asks: `yes`.')
})

type LogoutRequest = Static<typeof LogoutRequestSchema>

/**
 * OpenID Connect RP-Initiated Logout 1.0. The `sid` of the hint names the session to end. Without a hint, a page asks
 * the person (section 2), who signs this browser out: the session of its refresh cookie.
 */
export const rpLogoutRoutes: FastifyPluginAsyncTypebox<RpLogoutOptions> = async (app, options) => {
  const { issuerUrl, sessions, clients, cookies } = options

  app.setErrorHandler(errorPageHandler({ title: 'Not signed out', extraMembers: asOAuthMembers }))

  const schema = (method: string) => ({
    summary: `Log out, from a client, by ${method}`,
    tags: ['OAuth 2.1'],
    response: {
      200: { description: 'A page that confirms it, or asks.', content: { 'text/html': { schema: Type.String() } } },
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
    reply.header('cache-control', 'no-store')
    if (parameters.id_token_hint === undefined) return await signOutBrowser(request, reply, parameters)
    const claims = await app.readIdToken(request)
    const client = claims && await clients.find(claims.aud)
    if (!client || (parameters.client_id !== undefined && parameters.client_id !== client.clientId)) {
      throw new Problem('invalid_request', 'id_token_hint must be an ID token that this server issued to the client.')
    }
    const returnTo = readReturnTo(client, parameters)
    await sessions.end(claims.sid, 'logout', callerOf(request))
    sendAway(reply, returnTo)
  }

  async function signOutBrowser (request: FastifyRequest, reply: FastifyReply, parameters: LogoutRequest) {
    const { client_id: clientId, post_logout_redirect_uri: uri } = parameters
    const client = clientId === undefined ? undefined : await clients.find(clientId)
    if (clientId !== undefined && !client) {
      throw new Problem('invalid_request', `There is no client "${clientId}" here.`)
    }
    if (uri !== undefined && !client) {
      throw new Problem('invalid_request', 'post_logout_redirect_uri needs an id_token_hint or a client_id.')
    }
    const returnTo = client && readReturnTo(client, parameters)
    if (!isConfirmed(request, parameters)) return askToSignOut(request, reply, parameters, client)
    const cookie = request.cookies[cookies.refreshCookieName]
    if (cookie !== undefined) await sessions.endByRefreshToken(cookie, 'logout', callerOf(request))
    reply.clearCookie(cookies.refreshCookieName, cookies.refreshToken)
    sendAway(reply, returnTo)
  }

  /** By the form of our own page: browsers send Origin with every POST, and no other page can forge it (SEC-70). */
  function isConfirmed ({ method, headers: { origin } }: FastifyRequest, { confirmed }: LogoutRequest): boolean {
    return method === 'POST' && confirmed === 'yes' && origin === new URL(issuerUrl).origin
  }

  function askToSignOut (
    request: FastifyRequest, reply: FastifyReply, parameters: LogoutRequest, client: Client | undefined
  ): void {
    if (!wantsHtml(request)) throw new Problem('invalid_request', 'id_token_hint is missing.')
    const { client_id: clientId, post_logout_redirect_uri: uri, state } = parameters
    const fields = { client_id: clientId, post_logout_redirect_uri: uri, state, confirmed: 'yes' }
    const hidden = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [html`<input type="hidden" name="${name}" value="${value}">`])
    const { host } = new URL(issuerUrl)
    sendPage(reply, 'Sign out?', html`
      <p>${client ? `${client.name} asks to sign you` : 'This signs you'} out of ${host} in this browser.</p>
      <form method="post" action="${issuerUrl}/oauth2/logout">${hidden}
        <ul><li><button class="button primary">Sign out</button></li></ul>
      </form>`, uri === undefined ? {} : { formTarget: uri })
  }

  function sendAway (reply: FastifyReply, returnTo: string | undefined): void {
    if (returnTo === undefined) sendPage(reply, 'Signed out', html`<p>You can close this page.</p>`)
    else reply.redirect(returnTo, 302)
  }
}

/** Where to go afterwards, with the state. Throws a Problem for a URI that is not registered. */
function readReturnTo (client: Client, { post_logout_redirect_uri: uri, state }: LogoutRequest): string | undefined {
  if (uri === undefined) return undefined
  if (!(client.postLogoutRedirectUris.includes(uri) && isRedirectUri(uri))) {
    throw new Problem('invalid_request',
      `The post_logout_redirect_uri "${uri}" is not registered for the client "${client.clientId}".`)
  }
  const url = new URL(uri)
  if (state !== undefined) url.searchParams.set('state', state)
  return url.href
}
