// A service of your own. Of Signet it knows the issuer, and what is in a token: nothing is asked there for a request.
import process from 'node:process'
import Fastify from 'fastify'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const { ISSUER = 'http://localhost:3000', AUDIENCE = ISSUER, JWKS_URL = `${ISSUER}/.well-known/jwks.json`, HOST = '127.0.0.1', PORT = '4000' } = process.env

// Fetched when the first token comes, kept for ten minutes, and fetched again for a key that is not known yet.
const keys = createRemoteJWKSet(new URL(JWKS_URL))

/** RFC 9068 section 4. The type keeps ID tokens out, the audience the tokens for other services. */
const RULES = {
  issuer: ISSUER,
  audience: AUDIENCE,
  typ: 'at+jwt',
  algorithms: ['ES256', 'RS256', 'EdDSA'],
  requiredClaims: ['iss', 'aud', 'exp', 'iat', 'jti', 'sub', 'client_id'],
  clockTolerance: 5
}

/** What jose says when the keys could not be had: that is nobody's bad token. */
const KEYS_AWAY = ['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']

/** An answer of RFC 6750 section 3: why not, for programs too. */
function refusal (statusCode, message, challenge = '') {
  return Object.assign(new Error(message), { statusCode, headers: { 'www-authenticate': `Bearer realm="notes"${challenge}` } })
}

/** Nobody comes past without a valid access token; `request.user` are its claims. */
async function requireUser (request) {
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw refusal(401, 'This needs an access token.')
  try {
    request.user = (await jwtVerify(token, keys, RULES)).payload
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || KEYS_AWAY.includes(error.code)) {
      request.log.error(error)
      throw Object.assign(new Error('Tokens cannot be verified right now.'), { statusCode: 503, headers: { 'retry-after': '5' } })
    }
    const reason = error instanceof errors.JWTExpired ? 'The access token has expired.' : 'The access token is not valid here.'
    throw refusal(401, reason, `, error="invalid_token", error_description="${reason}"`)
  }
}

/** Goes after `requireUser`. A role is as old as the token: at most fifteen minutes, unless ACCESS_TOKEN_TTL says otherwise. */
function requireRole (role) {
  return async (request) => {
    if (Array.isArray(request.user.roles) && request.user.roles.includes(role)) return
    const reason = `This needs the role ${role}.`
    throw refusal(403, reason, `, error="insufficient_scope", error_description="${reason}"`)
  }
}

const app = Fastify({ logger: true })
app.decorateRequest('user', null)

app.get('/notes', { onRequest: requireUser }, async ({ user }) => ({ owner: user.sub, notes: ['Buy milk'] }))
app.get('/admin', { onRequest: [requireUser, requireRole('admin')] }, async ({ user }) => ({ administrator: user.sub }))

await app.listen({ host: HOST, port: Number(PORT) })
