import formbody from '@fastify/formbody'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { OAuthError, Problem } from '../http/errors.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { html, sendPage, wantsHtml } from '../http/pages.ts'
import { asOAuthMembers, problems, toProblem } from '../http/problem-details.ts'
import { addressOf } from '../http/client-address.ts'
import type { Providers } from '../providers/registry.ts'
import type { CodeCompletion, LoginAttempts } from '../sign-in/login-attempt.ts'
import { sendToProvider } from '../sign-in/start.ts'
import type { SignInService } from '../sign-in/service.ts'
import type { Clients } from '../clients/clients.ts'
import { grantableScope } from '../tokens/scope.ts'
import { redirectWithError } from '../sign-in/redirects.ts'
import { redirectUriMistake } from '../clients/redirect-uri.ts'

export interface AuthorizeOptions {
  issuerUrl: string
  clients: Clients
  providers: Providers
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
}

type Parameters = Record<string, unknown>

const Text = (description: string) => Type.Optional(Type.Unknown({ description }))

/** Read by hand, since most mistakes are told to the client by a redirect. */
const AuthorizeRequestSchema = Type.Object({
  response_type: Text('`code`.'),
  client_id: Text('A registered client.'),
  redirect_uri: Text('One of its redirect URIs, to the letter; for a loopback address any port.'),
  code_challenge: Text('Always required (RFC 7636).'),
  code_challenge_method: Text('`S256`.'),
  state: Text('Comes back as it is. 1024 characters at most.'),
  nonce: Text('Goes into the ID token. 512 characters at most.'),
  scope: Text('`openid`, `profile`, `email`, `offline_access`.'),
  provider: Text('Skips the page to choose from.'),
  intent: Text('`link`: the code adds an account at POST /me/accounts instead of signing in.'),
  prompt: Text('`none` is answered with `login_required`: every sign-in here is at a provider.'),
  max_age: Text('Kept in any case: every sign-in is a fresh one.')
}, { additionalProperties: true })

/** The front door (OAuth 2.1 section 4.1.1, OpenID Connect Core section 3.1.2). */
export const authorizeRoutes: FastifyPluginAsyncTypebox<AuthorizeOptions> = async (app, options) => {
  const { issuerUrl, clients, providers } = options

  await app.register(formbody, { bodyLimit: 16 * 1024 })

  // A person's browser comes here: what cannot be told to the client is a problem, or a page.
  app.setErrorHandler((error, request, reply) => showMistake(request, reply, error))

  const schema = {
    summary: 'Sign a person in for a client',
    description: 'Sends the browser to the provider, and in the end to `redirect_uri` with `code`, `state` and `iss`, or with `error`. Without `provider`: a page to choose from.',
    tags: ['OAuth 2.1'],
    response: {
      200: { description: 'The page to choose a provider from.', content: { 'text/html': { schema: Type.String() } } },
      302: { description: 'To the provider, or back to the client with an error.', type: 'null' },
      ...problems('invalid_request', 'rate_limited')
    }
  }
  app.get('/oauth2/authorize', { exposeHeadRoute: false, schema: { ...schema, querystring: AuthorizeRequestSchema } }, (request, reply) =>
    authorize(request, reply, request.query) as never)
  app.post('/oauth2/authorize', { schema: { ...schema, body: AuthorizeRequestSchema } }, (request, reply) =>
    authorize(request, reply, request.body) as never)

  async function authorize (request: FastifyRequest, reply: FastifyReply, query: Parameters): Promise<FastifyReply> {
    const { clientId, clientName, redirectUri } = await readReturnAddress(query)
    reply.header('cache-control', 'no-store')
    const state = typeof query['state'] === 'string' && query['state'] !== '' && query['state'].length <= 1024 ? query['state'] : undefined
    const back = { redirectUri, state, issuerUrl }
    try {
      const completion = { ...readRequest(query), mode: 'code' as const, clientId, redirectUri, state }
      const provider = readOnce(query, 'provider', 64)
      if (provider === undefined) return sendPage(reply, `Sign in to ${clientName}`, chooser(query, providers))
      if (!providers.has(provider)) throw new OAuthError('invalid_request', `There is no provider "${provider}" here.`)
      await app.limits.signIn.count(`start:${addressOf(request)}`)
      return await sendToProvider(options, request, reply, provider, completion)
    } catch (error) {
      return redirectWithError(reply, back, error)
    }
  }

  /** Without a client and a redirect URI that belong together there is nobody to tell, and nobody to be redirected to. */
  async function readReturnAddress (query: Parameters): Promise<{ clientId: string, clientName: string, redirectUri: string }> {
    const clientId = readOnce(query, 'client_id', 200)
    const redirectUri = readOnce(query, 'redirect_uri', 1000)
    if (clientId === undefined) throw new Problem('invalid_request', 'client_id is missing.')
    const client = await clients.find(clientId)
    if (!client) throw new Problem('invalid_request', `There is no client "${clientId}" here. Clients are registered in the CLIENTS setting, or with: npm run admin -- clients add.`)
    if (redirectUri === undefined) throw new Problem('invalid_request', 'redirect_uri is missing.')
    const mistake = redirectUriMistake(redirectUri, client.redirectUris)
    if (mistake) throw new Problem('invalid_request', `The redirect_uri "${redirectUri}" is not registered for the client "${clientId}": ${mistake}.`)
    return { clientId, clientName: client.name, redirectUri }
  }
}

/** The rest of the request; its mistakes go to the client. */
function readRequest (query: Parameters): Pick<CodeCompletion, 'intent' | 'codeChallenge' | 'scope' | 'nonce'> {
  readOnce(query, 'state', 1024)
  if (query['request'] !== undefined) throw new OAuthError('request_not_supported', 'Send the parameters themselves.')
  if (query['request_uri'] !== undefined) throw new OAuthError('request_uri_not_supported', 'Send the parameters themselves.')
  const responseType = readOnce(query, 'response_type', 64)
  if (responseType === undefined) throw new OAuthError('invalid_request', 'response_type is missing.')
  if (responseType !== 'code') throw new OAuthError('unsupported_response_type', 'The only response_type here is code.')
  const responseMode = readOnce(query, 'response_mode', 64)
  if (responseMode !== undefined && responseMode !== 'query') throw new OAuthError('invalid_request', 'The only response_mode here is query.')
  const codeChallenge = readOnce(query, 'code_challenge', 128)
  if (codeChallenge === undefined) throw new OAuthError('invalid_request', 'code_challenge is missing: PKCE is required of every client.')
  if (readOnce(query, 'code_challenge_method', 16) !== 'S256') throw new OAuthError('invalid_request', 'code_challenge_method must be S256.')
  if (!/^[\w-]{43}$/.test(codeChallenge)) throw new OAuthError('invalid_request', 'code_challenge must be a SHA-256 in base64url, 43 characters.')
  const prompt = readOnce(query, 'prompt', 64)?.split(' ') ?? []
  if (prompt.includes('none')) {
    throw prompt.length > 1
      ? new OAuthError('invalid_request', 'prompt=none goes with nothing else.')
      : new OAuthError('login_required', 'Every sign-in here is at a provider: refresh the session instead.')
  }
  const maxAge = readOnce(query, 'max_age', 16)
  if (maxAge !== undefined && !/^\d+$/.test(maxAge)) throw new OAuthError('invalid_request', 'max_age must be whole seconds.')
  const intent = readOnce(query, 'intent', 16)
  if (intent !== undefined && intent !== 'link') throw new OAuthError('invalid_request', 'The only intent here is link; leave it out to sign in.')
  return { intent, codeChallenge, scope: grantableScope(readOnce(query, 'scope', 1000)), nonce: readOnce(query, 'nonce', 512) }
}

/** A parameter that is there once, as printable text; an empty one counts as absent (RFC 6749 section 3.1). */
function readOnce (query: Parameters, name: string, maximum: number): string | undefined {
  const value = Object.hasOwn(query, name) ? query[name] : undefined
  if (value === undefined || value === '') return undefined
  if (typeof value !== 'string' || value.length > maximum || !/^[\x20-\x7e]+$/.test(value)) {
    const mistake = `${name} must be there once, as printable ASCII of at most ${maximum} characters.`
    throw ['client_id', 'redirect_uri'].includes(name) ? new Problem('invalid_request', mistake) : new OAuthError('invalid_request', mistake)
  }
  return value
}

/** The request once more for each provider, as links: a person may come back and choose another. */
function chooser (query: Parameters, providers: Providers) {
  const parameters = Object.entries(query).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
  const choices = [...providers.values()].map(({ id, name }) =>
    html`<li><a class="button" href="${`?${new URLSearchParams([...parameters, ['provider', id]])}`}">Continue with ${name}</a></li>`)
  return choices.length > 0 ? html`<ul>${choices}</ul>` : html`<p>No provider is enabled yet.</p>`
}

function showMistake (request: FastifyRequest, reply: FastifyReply, error: unknown): FastifyReply {
  const problem = toProblem(error)
  if (problem.status >= 500) request.log.error({ err: error }, problem.code)
  if (!wantsHtml(request)) return reply.problem(problem, asOAuthMembers(problem))
  reply.code(problem.status).headers(problem.headers).header('cache-control', 'no-store')
  return sendPage(reply, 'This sign-in cannot start', html`<p>${problem.message}</p><p class="quiet">Request ${request.id}</p>`)
}
