// A service of your own. Of Signet it knows the issuer, and what is in a token: nothing is asked there for a request.
import process from 'node:process'
import cors from '@fastify/cors'
import Fastify from 'fastify'
import { signet } from 'signet-verify/fastify'

const {
  ISSUER = 'http://localhost:3000',
  AUDIENCE,
  JWKS_URL,
  CLIENT_ID,
  CLIENT_SECRET,
  ALLOWED_ORIGINS = 'http://localhost:5173',
  HOST = '127.0.0.1',
  PORT = '4000'
} = process.env

const app = Fastify({ logger: true })

// Pages of these origins may call it, and read why a token was refused. Before `signet`: a preflight has no token.
await app.register(cors, {
  origin: ALLOWED_ORIGINS.split(','),
  methods: ['GET'],
  allowedHeaders: ['authorization'],
  exposedHeaders: ['www-authenticate', 'retry-after'],
  maxAge: 600
})

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
