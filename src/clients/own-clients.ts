import { AUTHORIZATION_CODE } from '../tokens/grant-types.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import type { Client } from './clients.ts'

/** `client_id` of the page at /docs, where people sign in to try routes. */
export const DOCS_CLIENT_ID = 'signet-docs'

/** No operator can register a client with one of these. */
export const OWN_CLIENT_IDS = [OWN_CLIENT_ID, DOCS_CLIENT_ID]

/**
 * The client of the page at /docs: public, first-party, for the authorization code grant with PKCE alone. Its one
 * redirect URI is a page of Swagger UI, which gives the code to the window that opened it.
 */
export function createDocsClient ({ issuerUrl, appName }: { issuerUrl: string, appName?: string | undefined }): Client {
  return {
    clientId: DOCS_CLIENT_ID,
    name: appName ?? 'API documentation',
    redirectUris: [`${issuerUrl}/docs/static/oauth2-redirect.html`],
    postLogoutRedirectUris: [],
    secretHash: undefined,
    metadata: { grantTypes: [AUTHORIZATION_CODE] }
  }
}
