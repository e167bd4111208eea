import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { callerOf } from '../http/caller.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { Problem } from '../http/errors.ts'
import { errorPageHandler } from '../pages/error-page.ts'
import { wantsHtml } from '../http/wants-html.ts'
import type { PageSessions } from '../page-sessions/page-sessions.ts'
import { html } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { textsOf } from '../texts/texts.ts'
import { asOAuthMembers, problems } from '../http/problem-details.ts'
import { isRedirectUri } from '../http/url.ts'
import { isOwnForm } from '../http/own-form.ts'
import type { SessionService } from '../sessions/service.ts'
import type { Client, Clients } from '../clients/clients.ts'
import { homeOf } from '../clients/redirect-uri.ts'

export interface RpLogoutOptions {
  issuerUrl: string
  sessions: Pick<SessionService, 'end' | 'endByRefreshToken'>
  clients: Clients
  cookies: CookiePolicy
  pageSessions: Pick<PageSessions, 'end'>
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

/** What of a client a logout needs. */
type LogoutClient = Pick<Client, 'clientId' | 'name' | 'redirectUris' | 'postLogoutRedirectUris'>

/**
 * OpenID Connect RP-Initiated Logout 1.0. The `sid` of the hint names the session to end. Without a hint, a page asks
 * the person (section 2), who signs this browser out: the session of its refresh cookie.
 */
export const rpLogoutRoutes: FastifyPluginAsyncTypebox<RpLogoutOptions> = async (app, options) => {
  const { issuerUrl, sessions, clients, cookies, pageSessions } = options

  app.setErrorHandler(errorPageHandler({
    words: ({ logout }, { status }) => status < 500 ? { title: logout.failed, text: logout.failedText } : undefined,
    nextSteps: ({ logout }) => [{ href: `${issuerUrl}/oauth2/logout`, text: logout.signOut }],
    extraMembers: asOAuthMembers
  }))

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
    const client = claims && await clientOf(claims.aud)
    if (!client || (parameters.client_id !== undefined && parameters.client_id !== client.clientId)) {
      throw new Problem('invalid_request', 'id_token_hint must be an ID token that this server issued to the client.')
    }
    const returnTo = readReturnTo(client, parameters)
    await sessions.end(claims.sid, 'logout', callerOf(request))
    await sendAway(request, reply, returnTo)
  }

  /** A third party has no place to go back to: its document, which may be gone by now, is not read for this. */
  async function clientOf (clientId: string): Promise<LogoutClient | undefined> {
    if (!clients.isThirdParty(clientId)) return await clients.find(clientId)
    return { clientId, name: clientId, redirectUris: [], postLogoutRedirectUris: [] }
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
    if (!isConfirmed(request, parameters)) return await askToSignOut(request, reply, parameters, client)
    const cookie = request.cookies[cookies.refreshCookieName]
    if (cookie !== undefined) await sessions.endByRefreshToken(cookie, 'logout', callerOf(request))
    reply.clearCookie(cookies.refreshCookieName, cookies.refreshToken)
    await pageSessions.end(request, reply)
    await sendAway(request, reply, returnTo)
  }

  /** By the form of our own page. */
  function isConfirmed (request: FastifyRequest, { confirmed }: LogoutRequest): boolean {
    return request.method === 'POST' && confirmed === 'yes' && isOwnForm(request, issuerUrl)
  }

  async function askToSignOut (
    request: FastifyRequest, reply: FastifyReply, parameters: LogoutRequest, client: Client | undefined
  ): Promise<void> {
    if (!wantsHtml(request)) throw new Problem('invalid_request', 'id_token_hint is missing.')
    const { client_id: clientId, post_logout_redirect_uri: uri, state } = parameters
    const fields = { client_id: clientId, post_logout_redirect_uri: uri, state, confirmed: 'yes' }
    const hidden = Object.entries(fields).flatMap(([name, value]) =>
      value === undefined ? [] : [html`<input type="hidden" name="${name}" value="${value}">`])
    const { logout, common } = await textsOf(request)
    const home = client && homeOf(client)
    const back = home ? html`<p><a href="${home.url}">${common.backTo(home.name)}</a></p>` : []
    // "no-referrer" would also hide the origin of the form (Fetch standard, "append a request Origin header").
    reply.header('referrer-policy', 'same-origin')
    sendPage(reply, logout.title, html`
      <p>${client ? logout.asks(client.name, app.brand.name) : logout.ask(app.brand.name)}</p>
      <form method="post" action="${issuerUrl}/oauth2/logout">${hidden}
        <ul><li><button class="button primary">${logout.signOut}</button></li></ul>
      </form>${back}`, uri === undefined ? {} : { formTarget: uri })
  }

  async function sendAway (request: FastifyRequest, reply: FastifyReply, returnTo: string | undefined): Promise<void> {
    if (returnTo !== undefined) {
      reply.redirect(returnTo, 302)
      return
    }
    const { logout, common } = await textsOf(request)
    sendPage(reply, logout.done, html`<p>${common.closePage}</p>`)
  }
}

/** Where to go afterwards, with the state. Throws a Problem for a URI that is not registered. */
function readReturnTo (
  client: LogoutClient, { post_logout_redirect_uri: uri, state }: LogoutRequest
): string | undefined {
  if (uri === undefined) return undefined
  if (!(client.postLogoutRedirectUris.includes(uri) && isRedirectUri(uri))) {
    throw new Problem('invalid_request',
      `The post_logout_redirect_uri "${uri}" is not registered for the client "${client.clientId}".`,
      { backTo: homeOf(client) })
  }
  const url = new URL(uri)
  if (state !== undefined) url.searchParams.set('state', state)
  return url.href
}
