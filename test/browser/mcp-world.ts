import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { DEV_CLIENT, startDevIdp } from '../../tools/dev-idp/provider.ts'
import { freePort } from '../free-port.ts'
import { setup } from '../helper.ts'

export const MCP_SERVER = { client_id: 'mcp-server', client_secret: 'a secret: of the MCP server' }

/** The settings of a Signet for an MCP server, whose users sign in at the development identity provider. */
export function mcpSettings (idpIssuer: string, resource: string): Record<string, string> {
  return {
    OIDC_PROVIDERS: 'dev',
    OIDC_DEV_NAME: 'Dev',
    OIDC_DEV_ISSUER: idpIssuer,
    OIDC_DEV_CLIENT_ID: DEV_CLIENT.client_id,
    OIDC_DEV_CLIENT_SECRET: DEV_CLIENT.client_secret,
    OIDC_DEV_EMAIL_TRUSTED: 'true',
    REGISTRATION: 'metadata-documents,dynamic',
    CLIENTS: JSON.stringify([{ ...MCP_SERVER, name: 'The MCP server', redirect_uris: ['https://mcp.example.com/'] }]),
    RESOURCES: JSON.stringify([{
      resource,
      name: 'Notes',
      scopes: ['notes:read', 'notes:write'],
      scope_descriptions: { 'notes:read': 'Read your notes', 'notes:write': 'Write notes for you' }
    }])
  }
}

export async function startMcpIdp (t: Test, issuer: string, signetUrl: string): Promise<void> {
  const idp = await startDevIdp({
    port: Number(new URL(issuer).port),
    issuer,
    clients: [{ ...DEV_CLIENT, redirect_uris: [`${signetUrl}/login/dev/callback`] }]
  })
  t.teardown(() => idp.close())
}

/** Such a Signet in this process. */
export async function startMcpWorld (t: Test) {
  const idpIssuer = `http://127.0.0.1:${await freePort()}`
  const resource = `http://localhost:${await freePort()}/mcp`
  const running = await setup(t, mcpSettings(idpIssuer, resource))
  await startMcpIdp(t, idpIssuer, running.url)
  return { ...running, resource }
}

/** A person's way from the request of a client to its callback. */
export async function allow (page: Page, authorizationUrl: string): Promise<void> {
  await toConsent(page, authorizationUrl)
  await page.getByRole('button', { name: 'Allow' }).click()
  await page.waitForURL('http://127.0.0.1:*/callback?**')
}

/** The part of it before the consent page. */
export async function toConsent (page: Page, authorizationUrl: string): Promise<void> {
  await page.goto(authorizationUrl)
  await page.getByRole('link', { name: 'Continue with Dev' }).click()
  await page.getByRole('button', { name: 'Verified Vera' }).click()
  await page.getByRole('button', { name: 'Allow' }).waitFor()
}
