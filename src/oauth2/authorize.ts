import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { commandLine } from '../command-line.ts'
import type { Clients } from '../clients/clients.ts'
import { brandOf } from '../clients/client-brand.ts'
import { homeOf, isNativeRedirectUri, redirectUriMistake } from '../clients/redirect-uri.ts'
import { noticeBeforeSignIn } from '../consent/page.ts'
import { addressOf } from '../http/client-address.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { errorPageHandler } from '../pages/error-page.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import { noteOrigin } from '../http/failure-origin.ts'
import { toIssuersName } from '../http/loopback-name.ts'
import { html } from '../pages/markup.ts'
import { brandFooter } from '../pages/brand.ts'
import { sendPage } from '../pages/page.ts'
import { textsOf } from '../texts/texts.ts'
import type { Parameters } from '../http/parameters.ts'
import { asOAuthMembers, problems } from '../http/problem-details.ts'
import { describeLoginParameters } from '../providers/login-parameters.ts'
import type { Providers } from '../providers/registry.ts'
import { cancelCode } from '../sign-in/cancel.ts'
import { lastProvider } from '../sign-in/last-provider.ts'
import type { LoginAttempts } from '../sign-in/login-attempt.ts'
import { STAGE_STEPS } from '../sign-in/login-stage.ts'
import { logRedirectedError, needsClick, redirectWithError, withWayBack } from '../sign-in/redirects.ts'
import type { SignInService } from '../sign-in/service.ts'
import { sendToProvider } from '../sign-in/start.ts'
import type { Resources } from '../tokens/resources.ts'
import {
  readAuthorizationRequest, readProvider, readProviderParameters, readResponseMode, readReturnAddress, readState
} from './authorization-request.ts'
import { confirmationSecret, isConfirmed, providerLinks } from './provider-links.ts'

export interface AuthorizeOptions {
  issuerUrl: string
  clients: Clients
  providers: Providers
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
  resources: Resources
}

const Parameter = (description: string) => Type.Optional(Type.Unknown({ description }))

/** Accepts any value, because most errors must reach the client by a redirect: authorization-request.ts validates. */
const AuthorizeRequestSchema = Type.Object({
  response_type: Parameter('`code`.'),
  client_id: Parameter('A registered client, or with REGISTRATION the URL of a client\'s metadata document.'),
  redirect_uri: Parameter('One of its redirect URIs, compared as text; a loopback address may have any port.'),
  code_challenge: Parameter('RFC 7636. Required unless the client is registered with `require_pkce: false`.'),
  code_challenge_method: Parameter('`S256`.'),
  response_mode: Parameter('`query`, or `form_post`: a page that posts itself.'),
  state: Parameter('Returned unchanged. At most 2000 characters.'),
  nonce: Parameter('A claim of the ID token. At most 512 characters.'),
  dpop_jkt: Parameter('The thumbprint of the only DPoP key that may exchange the code (RFC 9449 section 10).'),
  scope: Parameter('`openid`, `profile`, `email`, `roles`, `offline_access`, `provider_token`; scopes of resources.'),
  resource: Parameter('RFC 8707, may be repeated: the APIs that the access token is for.'),
  provider: Parameter('Skips the choice of providers. For a native redirect URI the page has one link.'),
  confirmation: Parameter('Of the links on the page: proof of the click that a native redirect URI needs.'),
  intent: Parameter('`link`: the code links an account at POST /me/accounts instead of signing in.'),
  ...describeLoginParameters(Parameter)
}, { additionalProperties: true })

/** The authorization endpoint (OAuth 2.1 section 4.1.1, OpenID Connect Core section 3.1.2). */
export const authorizeRoutes: FastifyPluginAsyncTypebox<AuthorizeOptions> = async (app, options) => {
  const { issuerUrl, clients, providers, cookies } = options

  // Browsers come here: an error that cannot be redirected to the client becomes a page.
  app.setErrorHandler(errorPageHandler({
    words: ({ authorize }, { code }) =>
      code === 'invalid_request' ? { title: authorize.failed, text: authorize.failedText } : undefined,
    extraMembers: asOAuthMembers
  }))

  const schema = {
    summary: 'Sign a person in for a client',
    description: 'Redirects the browser to the provider, and finally to `redirect_uri` with `code`, `state` and ' +
      '`iss`, or with `error`. Without `provider`, responds with a page to choose one. A browser gets that page for ' +
      'every redirect URI of a native app (an own scheme, a loopback address).',
    tags: ['OAuth 2.1'],
    response: {
      200: { description: 'The choice of providers.', content: { 'text/html': { schema: Type.String() } } },
      302: { description: 'To the provider, or back to the client with an error.', type: 'null' },
      ...problems('invalid_request', 'rate_limited')
    }
  }
  app.get('/oauth2/authorize', {
    exposeHeadRoute: false,
    onRequest: toIssuersName(issuerUrl),
    schema: { ...schema, querystring: AuthorizeRequestSchema }
  }, async (request, reply) => {
    await authorize(request, reply, request.query)
    return reply
  })
  app.post('/oauth2/authorize', {
    schema: { ...schema, body: AuthorizeRequestSchema }
  }, async (request, reply) => {
    await authorize(request, reply, request.body)
    return reply
  })

  async function authorize (request: FastifyRequest, reply: FastifyReply, parameters: Parameters): Promise<void> {
    const { client, redirectUri } = await findClient(request, parameters)
    const { clientId } = client
    reply.header('cache-control', 'no-store')
    const state = readState(parameters)
    const responseMode = readResponseMode(parameters)
    try {
      const validated = readAuthorizationRequest(parameters, client, options.resources)
      const providerParameters = readProviderParameters(parameters, client)
      const completion = { ...validated, mode: 'code' as const, clientId, redirectUri, state, responseMode }
      const provider = readProvider(parameters)
      const chosen = provider === undefined ? undefined : providers.get(provider)
      if (provider !== undefined && !chosen) {
        throw new OAuthError('invalid_request', `There is no provider "${provider}" here.`)
      }
      const isNative = isNativeRedirectUri(redirectUri)
      if (!chosen || (isNative && !isConfirmed(request, parameters, chosen.id, cookies))) {
        const secret = isNative ? confirmationSecret(request, reply, cookies) : undefined
        const texts = await textsOf(request)
        const usedLast = lastProvider(request, cookies, providers)
        const choice = chosen ? [chosen] : [...providers.values()]
        const links = providerLinks(texts, parameters, choice, { usedLast, secret })
        // RFC 8252 section 8.6: another app on the device may receive what is sent to a native redirect URI.
        const warning = isNative ? html`<p>${texts.signIn.appOnThisDevice}</p>` : []
        const notice = client.thirdParty ? noticeBeforeSignIn(texts.consent, client, redirectUri) : warning
        const title = client.thirdParty ? texts.signIn.title : texts.signIn.titleFor(client.name)
        const brand = brandOf(client, app.brand)
        const back = { redirectUri, state, responseMode, issuerUrl }
        const freedoms = responseMode === 'form_post' ? { brand, formTarget: redirectUri } : { brand }
        sendPage(reply, title, html`${notice}${links}
          ${cancelCode(texts.common.cancel, back)}${brandFooter(brand, texts.common)}`, freedoms)
        return
      }
      await app.limits.signIn.count(`start:${addressOf(request)}`)
      await sendToProvider(options, request, reply, chosen.id, completion, providerParameters)
    } catch (error) {
      noteOrigin(error, { step: STAGE_STEPS.started, mode: 'code', clientId })
      const back = { redirectUri, state, responseMode, issuerUrl, requestId: request.id }
      if (client.thirdParty && needsClick(request, redirectUri)) throw withWayBack(error, back)
      logRedirectedError(request, error)
      await redirectWithError(reply, back, error)
    }
  }

  async function findClient (request: FastifyRequest, parameters: Parameters) {
    const { clientId, redirectUri } = readReturnAddress(parameters)
    const client = await clients.find(clientId, request).catch((error: unknown) => {
      throw error instanceof OAuthError ? new Problem('invalid_request', error.message) : error
    })
    if (!client) {
      throw new Problem('invalid_request', `There is no client "${clientId}" here. ` +
        `Clients are registered in the CLIENTS setting, or with: ${commandLine('admin')} clients add.`)
    }
    const backTo = homeOf(client)
    if (redirectUri === undefined) throw new Problem('invalid_request', 'redirect_uri is missing.', { backTo })
    const mistake = redirectUriMistake(redirectUri, client.redirectUris)
    if (mistake) {
      throw new Problem('invalid_request',
        `The redirect_uri "${redirectUri}" is not registered for the client "${clientId}": ${mistake}.`, { backTo })
    }
    return { client, redirectUri }
  }
}
