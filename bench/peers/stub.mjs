// A provider that costs little. A code names a person and, after a dot, the nonce of an OpenID login; the access token
// is the person's name.
import { createPublicKey, createSign, generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'

const issuer = `http://127.0.0.1:${process.env.PORT}`
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwk = { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid: 'bench', alg: 'RS256', use: 'sig' }
const documents = {
  '/ready': { status: 'ok' },
  '/jwks': { keys: [jwk] },
  '/.well-known/openid-configuration': {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/me`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256']
  }
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

function profile (person) {
  return { sub: person, name: `Person ${person}`, email: `${person}@example.com`, email_verified: true }
}

function idToken (person, nonce) {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: issuer, aud: 'bench', iat: now, exp: now + 600, nonce, ...profile(person) }
  const input = `${encode({ alg: 'RS256', typ: 'JWT', kid: 'bench' })}.${encode(claims)}`
  return `${input}.${createSign('sha256').update(input).sign(privateKey, 'base64url')}`
}

function tokens (form) {
  const [person, nonce] = new URLSearchParams(form).get('code').split('.')
  const plain = { access_token: person, token_type: 'Bearer', expires_in: 3600 }
  if (nonce === undefined) return { ...plain, scope: 'profile' }
  return { ...plain, scope: 'openid', id_token: idToken(person, nonce) }
}

createServer((request, response) => {
  const answer = (value) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  if (request.url in documents) return answer(documents[request.url])
  if (request.url === '/me') {
    const person = request.headers.authorization.slice('Bearer '.length)
    // The same under the names that plain OAuth providers use.
    return answer({ id: person, emailVerified: true, ...profile(person) })
  }
  let form = ''
  request.on('data', (chunk) => { form += chunk })
  request.on('end', () => answer(tokens(form)))
}).listen(Number(process.env.PORT), '127.0.0.1')
