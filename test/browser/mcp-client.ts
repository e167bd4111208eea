import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type {
  OAuthClientInformationMixed, OAuthClientMetadata, OAuthTokens
} from '@modelcontextprotocol/sdk/shared/auth.js'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'

/** What an app has to keep for the SDK's client, in memory. */
export class MemoryProvider implements OAuthClientProvider {
  client: OAuthClientInformationMixed | undefined
  saved: OAuthTokens | undefined
  verifier = ''
  authorizationUrl: URL | undefined
  readonly redirectUrl: string
  readonly clientMetadataUrl?: string

  /** With the URL of a metadata document; without one the SDK registers dynamically. */
  constructor (redirectUrl: string, clientMetadataUrl?: string) {
    this.redirectUrl = redirectUrl
    if (clientMetadataUrl !== undefined) this.clientMetadataUrl = clientMetadataUrl
  }

  get clientMetadata (): OAuthClientMetadata {
    return {
      client_name: 'Dynamic helper',
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none'
    }
  }

  clientInformation = () => this.client
  saveClientInformation = (client: OAuthClientInformationMixed) => { this.client = client }
  tokens = () => this.saved
  saveTokens = (tokens: OAuthTokens) => { this.saved = tokens }
  redirectToAuthorization = (url: URL) => { this.authorizationUrl = url }
  saveCodeVerifier = (verifier: string) => { this.verifier = verifier }
  codeVerifier = () => this.verifier
  invalidateCredentials = (scope: string) => { if (scope === 'tokens' || scope === 'all') this.saved = undefined }
}

/** An app with the SDK's client: where its callbacks go, and a connection that starts anew. */
export async function startMcpClient (t: Test, resource: string, clientMetadataUrl?: string) {
  const server = createServer((_request, response) => { response.end('Back in the app') }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const provider = new MemoryProvider(`http://127.0.0.1:${port}/callback`, clientMetadataUrl)

  function open () {
    const transport = new StreamableHTTPClientTransport(new URL(resource), { authProvider: provider })
    const client = new Client({ name: 'a test', version: '1.0.0' })
    t.teardown(() => client.close())
    return { transport, client }
  }

  /** The code that the browser brought back, checked as RFC 9207 says. */
  function codeFrom (page: Page, issuer: string): string {
    const { searchParams } = new URL(page.url())
    if (searchParams.get('iss') !== issuer) throw new Error('The answer is of another issuer.')
    return searchParams.get('code') ?? ''
  }

  return { provider, open, codeFrom }
}
