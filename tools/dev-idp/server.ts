/** The development identity provider as a process of its own: `tsx tools/dev-idp/server.ts`. */
import { DEV_CLIENT, startDevIdp } from './provider.ts'

const {
  DEV_IDP_HOST: host = '127.0.0.1',
  DEV_IDP_PORT: port = '4400',
  DEV_IDP_ISSUER: issuer,
  DEV_IDP_REDIRECT_URI: redirectUri = 'http://localhost:3000/login/dev/callback'
} = process.env

try {
  const idp = await startDevIdp({
    host,
    port: Number(port),
    ...(issuer && { issuer }),
    clients: [{ ...DEV_CLIENT, redirect_uris: [redirectUri] }],
    onLog: (line) => console.log(line)
  })
  console.log(
    `Development identity provider at ${idp.issuer}. For development only: no passwords, anyone can be anyone.`
  )
  console.log(`Client ${DEV_CLIENT.client_id} with secret ${DEV_CLIENT.client_secret} returns to ${redirectUri}`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      idp.close().then(() => process.exit(0))
    })
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
