// What a session check and a refresh cost at the least: bare Fastify, one ES256 token, one prepared statement.
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import Fastify from 'fastify'
import jwt from '@fastify/jwt'
import { createSigner } from 'fast-jwt'
import pg from 'pg'

const { privateKey, publicKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
})
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })
await pool.query(`
  CREATE SCHEMA IF NOT EXISTS bare;
  CREATE TABLE IF NOT EXISTS bare.users (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), name text, email text);
  CREATE TABLE IF NOT EXISTS bare.sessions (hash bytea PRIMARY KEY, user_id uuid REFERENCES bare.users)`)

const app = Fastify()
await app.register(jwt, {
  secret: { private: privateKey, public: publicKey },
  sign: { algorithm: 'ES256' },
  verify: { algorithms: ['ES256'], cache: 10_000 }
})
const sign = createSigner({ key: privateKey, algorithm: 'ES256', expiresIn: 900_000 })
const newToken = () => randomBytes(32).toString('base64url')
const hash = (token) => createHash('sha256').update(token).digest()

app.get('/ready', async () => ({ status: 'ok' }))

// Creates a user with a session. Not measured.
app.post('/login', async () => {
  const refreshToken = newToken()
  const text = `
    WITH u AS (INSERT INTO bare.users (name, email) VALUES ('Ada', 'ada@example.com') RETURNING id)
    INSERT INTO bare.sessions SELECT $1, id FROM u RETURNING user_id AS id`
  const { rows: [user] } = await pool.query(text, [hash(refreshToken)])
  return { access_token: sign({ sub: user.id }), refresh_token: refreshToken }
})

app.get('/me', { onRequest: (request) => request.jwtVerify() }, async (request) => {
  const text = 'SELECT id, name, email FROM bare.users WHERE id = $1'
  const { rows } = await pool.query({ name: 'me', text, values: [request.user.sub] })
  return rows[0]
})

app.post('/refresh', async (request, reply) => {
  const refreshToken = newToken()
  const text = 'UPDATE bare.sessions SET hash = $2 WHERE hash = $1 RETURNING user_id'
  const values = [hash(request.body.refresh_token), hash(refreshToken)]
  const { rows: [session] } = await pool.query({ name: 'refresh', text, values })
  if (!session) return reply.code(400).send({ error: 'invalid_grant' })
  return { access_token: sign({ sub: session.user_id }), refresh_token: refreshToken }
})

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
