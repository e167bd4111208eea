// A service of your own. Of Signet it knows the issuer, and what is in a token: nothing is asked there for a request.
import process from 'node:process'
import { signet } from 'signet-verify/fastify'
import Fastify from 'fastify'

const {
  ISSUER = 'http://localhost:3000',
  AUDIENCE,
  JWKS_URL,
  CLIENT_ID,
  CLIENT_SECRET,
  HOST = '127.0.0.1',
  PORT = '4000'
} = process.env

const app = Fastify({ logger: true })

// With the id and secret of a confidential client it also hears of what was revoked; without, a token is good until it
// expires.
await app.register(signet, {
  issuer: ISSUER,
  audience: AUDIENCE,
  realm: 'notes',
  jwksUrl: JWKS_URL,
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET
})

app.get('/notes', { onRequest: app.requireBearer }, async ({ claims }) => ({ owner: claims.sub, notes: ['Buy milk'] }))
app.get('/admin', { onRequest: app.requireRole('admin') }, async ({ claims }) => ({ administrator: claims.sub }))

await app.listen({ host: HOST, port: Number(PORT) })
