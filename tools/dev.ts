/** `npm run dev`: the API, started anew at every change of src/, and beside it the development identity provider. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { DEV_CLIENT, startDevIdp } from './dev-idp/provider.ts'

if (existsSync('.env')) process.loadEnvFile('.env')
const { OIDC_PROVIDERS: others = '', PORT = '3000', ISSUER_URL = `http://localhost:${PORT}` } = process.env

const idp = await startDevIdp({
  port: 4400,
  clients: [{ ...DEV_CLIENT, redirect_uris: [`${ISSUER_URL}/login/dev/callback`] }],
  onLog: (line) => console.log(`[dev-idp] ${line}`)
}).catch((error: Error) => {
  console.error(`The development identity provider did not start: ${error.message}`)
  process.exit(1)
})
console.log(`Development identity provider at ${idp.issuer}. Sign in at ${ISSUER_URL}/login/dev as any persona.`)

const api = spawn('tsx', ['watch', '--clear-screen=false', '--include=.env', 'src/server.ts'], {
  stdio: 'inherit',
  shell: process.platform === 'win32',
  env: {
    ...process.env,
    OIDC_PROVIDERS: ['dev', ...others.split(',').filter(Boolean)].join(','),
    OIDC_DEV_NAME: 'the development provider',
    OIDC_DEV_ISSUER: idp.issuer,
    OIDC_DEV_CLIENT_ID: DEV_CLIENT.client_id,
    OIDC_DEV_CLIENT_SECRET: DEV_CLIENT.client_secret,
    OIDC_DEV_EMAIL_TRUSTED: 'true',
    OIDC_DEV_EVENTS: 'true'
  }
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => api.kill(signal))
api.on('exit', (code) => { idp.close().finally(() => process.exit(code ?? 0)) })
