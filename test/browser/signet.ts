import type { Test } from 'tap'
import { DEV_CLIENT, startDevIdp } from '../../tools/dev-idp/provider.ts'
import { freePort } from '../free-port.ts'
import { setup, type Running } from '../helper.ts'

/**
 * Signet with the development identity provider as its provider `Dev`. Signet is on the site `localhost`, the provider
 * on the site `127.0.0.1`, so that the way there and back is cross-site as it is in life.
 */
export async function startSignet (t: Test, environment: Record<string, string> = {}): Promise<Running> {
  const idpPort = await freePort()
  const issuer = `http://127.0.0.1:${idpPort}`
  const running = await setup(t, {
    OIDC_PROVIDERS: 'dev',
    OIDC_DEV_NAME: 'Dev',
    OIDC_DEV_ISSUER: issuer,
    OIDC_DEV_CLIENT_ID: DEV_CLIENT.client_id,
    OIDC_DEV_CLIENT_SECRET: DEV_CLIENT.client_secret,
    OIDC_DEV_EMAIL_TRUSTED: 'true',
    ...environment
  })
  const idp = await startDevIdp({
    port: idpPort,
    issuer,
    clients: [{ ...DEV_CLIENT, redirect_uris: [`${running.url}/login/dev/callback`] }]
  })
  t.teardown(() => idp.close())
  return running
}
