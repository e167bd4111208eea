import type { FastifySchema } from 'fastify'
import { DOCS_CLIENT_ID } from '../clients/own-clients.ts'

const SCOPES = {
  openid: 'An ID token, and /oauth2/userinfo',
  profile: 'Name and picture',
  email: 'Email address',
  roles: 'Roles',
  provider_token: 'The tokens of linked accounts'
}

/** Swagger UI's "Authorize": the authorization code grant with PKCE, in a popup. */
export const SWAGGER_UI_SIGN_IN = {
  clientId: DOCS_CLIENT_ID,
  scopes: ['openid', 'profile', 'email'],
  usePkceWithAuthorizationCodeGrant: true
}

/** The security scheme `oauth2` of the OpenAPI document. */
export function signInScheme (issuerUrl: string) {
  return {
    type: 'oauth2' as const,
    description: 'Signs you in, in a window of its own.',
    flows: {
      authorizationCode: {
        authorizationUrl: `${issuerUrl}/oauth2/authorize`,
        tokenUrl: `${issuerUrl}/oauth2/token`,
        scopes: SCOPES
      }
    }
  }
}

/** The schema of a route, with `oauth2` beside the scheme `bearer`: both send an access token. */
export function withSignIn (schema: FastifySchema): FastifySchema {
  if (!schema.security?.some((scheme) => 'bearer' in scheme)) return schema
  return { ...schema, security: [...schema.security, { oauth2: [] }] }
}
