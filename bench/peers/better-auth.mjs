// better-auth on Node's own server and the same PostgreSQL, with its generic OAuth plugin.
import { createServer } from 'node:http'
import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { toNodeHandler } from 'better-auth/node'
import { genericOAuth } from 'better-auth/plugins'
import pg from 'pg'

const { PORT, DATABASE_URL, STUB_URL } = process.env
const setup = new pg.Pool({ connectionString: DATABASE_URL, max: 1 })
await setup.query('CREATE SCHEMA IF NOT EXISTS better_auth')
await setup.end()
const client = { clientId: 'bench', clientSecret: 'secret', pkce: true }
const options = {
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: 'a secret of thirty-two characters',
  database: new pg.Pool({ connectionString: DATABASE_URL, max: 10, options: '-c search_path=better_auth' }),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [genericOAuth({
    config: [
      {
        ...client,
        providerId: 'oauth',
        authorizationUrl: `${STUB_URL}/authorize`,
        tokenUrl: `${STUB_URL}/token`,
        userInfoUrl: `${STUB_URL}/me`
      },
      {
        ...client,
        providerId: 'openid',
        scopes: ['openid'],
        discoveryUrl: `${STUB_URL}/.well-known/openid-configuration`,
        requireIdTokenVerification: true
      }
    ]
  })]
}
await (await getMigrations(options)).runMigrations()
const handle = toNodeHandler(betterAuth(options))
createServer((request, response) => {
  if (request.url === '/ready') response.end('{"status":"ok"}')
  else handle(request, response)
}).listen(Number(PORT), '127.0.0.1')
