import { randomBytes } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { addressOf } from '../http/client-address.ts'
import { OAuthError } from '../http/errors.ts'
import { sendOAuthError } from '../http/oauth-error.ts'
import { OAuthErrorSchema } from '../http/problem-details.ts'
import { AUTHORIZATION_CODE } from '../tokens/grant-types.ts'
import type { DynamicClientRepository } from './dynamic-client-repository.ts'
import { DYNAMIC_ID_PREFIX } from './third-party-clients.ts'
import { THIRD_PARTY_GRANTS, isThirdPartyRedirectUri, readableName } from './third-party-client.ts'

export interface RegisterOptions { dynamicClients: DynamicClientRepository }

/** Of any type: a value that is wrong has an error of its own (RFC 7591 section 3.2.2). Other members are ignored. */
const RegistrationSchema = Type.Object({
  redirect_uris: Type.Optional(Type.Unknown({ description: '1 to 20: https, or http of a loopback address.' })),
  client_name: Type.Optional(Type.Unknown({ description: 'What people are shown. The redirect host without it.' })),
  logo_uri: Type.Optional(Type.Unknown()),
  grant_types: Type.Optional(Type.Unknown({ description: 'With `authorization_code`, if given.' })),
  response_types: Type.Optional(Type.Unknown({ description: 'With `code`, if given.' }))
}, { additionalProperties: true, description: 'RFC 7591 section 2. Other members are ignored.' })

type Registration = Static<typeof RegistrationSchema>

const RegisteredSchema = Type.Object({
  client_id: Type.String(),
  client_id_issued_at: Type.Integer(),
  client_name: Type.String(),
  redirect_uris: Type.Array(Type.String()),
  logo_uri: Type.Optional(Type.String()),
  grant_types: Type.Array(Type.String()),
  response_types: Type.Array(Type.String()),
  token_endpoint_auth_method: Type.Literal('none')
})

const MAX_REDIRECT_URIS = 20
const MAX_LOGO_LENGTH = 1000

/** Dynamic client registration (RFC 7591), of public clients. Off unless REGISTRATION has `dynamic`. */
export const registerRoutes: FastifyPluginAsyncTypebox<RegisterOptions> = async (app, { dynamicClients }) => {
  app.setErrorHandler(sendOAuthError)

  app.post('/oauth2/register', {
    schema: {
      summary: 'Register a client',
      description: 'RFC 7591. Every client is public, whatever it asks for: PKCE protects its sign-ins. People are ' +
        'asked for their consent, and the client is forgotten when it is not used for 30 days.',
      tags: ['OAuth 2.1'],
      body: RegistrationSchema,
      response: { 201: RegisteredSchema, 400: OAuthErrorSchema, 429: OAuthErrorSchema, 503: OAuthErrorSchema }
    }
  }, async (request, reply) => {
    await app.limits.registrations.count(addressOf(request))
    const { name, redirectUris, logoUri } = readRegistration(request.body)
    const clientId = DYNAMIC_ID_PREFIX + randomBytes(16).toString('base64url')
    const client = await dynamicClients.create({ clientId, name, redirectUris, logoUri })
    if (!client) throw new OAuthError('temporarily_unavailable', 'Too many clients are registered here.', 503)
    return reply.code(201).header('cache-control', 'no-store').send({
      client_id: clientId,
      client_id_issued_at: Math.floor(client.createdAt.getTime() / 1000),
      client_name: name,
      redirect_uris: redirectUris,
      ...logoUri === null ? {} : { logo_uri: logoUri },
      grant_types: THIRD_PARTY_GRANTS,
      response_types: ['code'],
      token_endpoint_auth_method: 'none'
    })
  })
}

function readRegistration (body: Registration): { name: string, redirectUris: string[], logoUri: string | null } {
  const redirectUris = readRedirectUris(body.redirect_uris)
  const { client_name: name = new URL(redirectUris[0] ?? '').host, logo_uri: logoUri = null } = body
  const readable = typeof name === 'string' && name.length <= 200 ? readableName(name) : undefined
  if (readable === undefined) throw wrongMetadata('client_name must be text of at most 100 characters.')
  if (logoUri !== null && (typeof logoUri !== 'string' || logoUri.length > MAX_LOGO_LENGTH)) {
    throw wrongMetadata(`logo_uri must be text of at most ${MAX_LOGO_LENGTH} characters.`)
  }
  assertHas(body, 'grant_types', AUTHORIZATION_CODE)
  assertHas(body, 'response_types', 'code')
  return { name: readable, redirectUris, logoUri: logoUri as string | null }
}

function readRedirectUris (value: unknown): string[] {
  const uris = Array.isArray(value) ? value as unknown[] : []
  if (uris.length === 0 || uris.length > MAX_REDIRECT_URIS) {
    throw new OAuthError('invalid_redirect_uri', `redirect_uris must be a list of 1 to ${MAX_REDIRECT_URIS} URIs.`)
  }
  const isGood = (uri: unknown): uri is string => typeof uri === 'string' && isThirdPartyRedirectUri(uri)
  if (uris.every(isGood)) return [...new Set(uris)]
  throw new OAuthError('invalid_redirect_uri',
    'A redirect URI must be https, or http of a loopback address; in ASCII, without a fragment and a user name.')
}

function assertHas (body: Registration, name: 'grant_types' | 'response_types', value: string): void {
  const values = body[name]
  if (values === undefined || (Array.isArray(values) && values.includes(value))) return
  throw wrongMetadata(`${name} must be a list with ${value}.`)
}

const wrongMetadata = (description: string) => new OAuthError('invalid_client_metadata', description)
