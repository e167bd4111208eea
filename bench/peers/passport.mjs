// What one writes with Express and passport for the work of a Signet login: state and PKCE in a signed cookie, then a
// user, an account, a session, a refresh token and an audit event in PostgreSQL, and a signed JWT.
import { randomBytes } from 'node:crypto'
import cookieSession from 'cookie-session'
import express from 'express'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import passport from 'passport'
import OAuth2Strategy from 'passport-oauth2'
import { createTables, findUser, signIn } from './passport-store.mjs'
import { createAccessToken, verifyAccessToken } from './passport-tokens.mjs'

const { PORT, STUB_URL } = process.env

class BenchStrategy extends OAuth2Strategy {
  userProfile (accessToken, done) {
    this._oauth2.useAuthorizationHeaderforGET(true)
    this._oauth2.get(`${STUB_URL}/me`, accessToken, (error, body) => error ? done(error) : done(null, JSON.parse(body)))
  }
}

class OpenIdStrategy extends BenchStrategy {
  authenticate (request, options) {
    const nonce = request.query.code ? undefined : randomBytes(32).toString('base64url')
    if (nonce) request.session.nonce = nonce
    super.authenticate(request, { ...options, nonce })
  }

  authorizationParams ({ nonce }) {
    return { nonce }
  }
}

const keys = createRemoteJWKSet(new URL(`${STUB_URL}/jwks`))
const expected = { issuer: STUB_URL, audience: 'bench', requiredClaims: ['sub', 'exp'] }

async function verifyIdToken (idToken, nonce) {
  const { payload } = await jwtVerify(idToken, keys, expected)
  if (payload.nonce !== nonce) throw new Error('The nonce is wrong.')
  return payload
}

const optionsOf = (provider) => ({
  authorizationURL: `${STUB_URL}/authorize`,
  tokenURL: `${STUB_URL}/token`,
  clientID: 'bench',
  clientSecret: 'secret',
  callbackURL: `http://127.0.0.1:${PORT}/login/${provider}/callback`,
  state: true,
  pkce: true,
  passReqToCallback: true
})

function finishOAuth (request, accessToken, _refreshToken, profile, done) {
  const account = { provider: 'oauth', accessToken, ...profile, subject: profile.id }
  signIn(account, request).then((user) => done(null, user), done)
}

function finishOpenId (request, accessToken, _refreshToken, parameters, userinfo, done) {
  const { nonce } = request.session
  delete request.session.nonce
  verifyIdToken(parameters.id_token, nonce).then((claims) => {
    if (userinfo.sub !== claims.sub) throw new Error('The user info is about another subject.')
    return signIn({ provider: 'openid', accessToken, ...userinfo, ...claims, subject: claims.sub }, request)
  }).then((user) => done(null, user), done)
}

passport.use('oauth', new BenchStrategy(optionsOf('oauth'), finishOAuth))
passport.use('openid', new OpenIdStrategy({ ...optionsOf('openid'), scope: 'openid' }, finishOpenId))

const app = express()
app.get('/ready', (_request, response) => response.json({ status: 'ok' }))
app.use(cookieSession({ name: 'login', secret: 'a secret', maxAge: 10 * 60 * 1000, sameSite: 'lax' }))
for (const provider of ['oauth', 'openid']) {
  app.get(`/login/${provider}`, passport.authenticate(provider))
  app.get(`/login/${provider}/callback`, passport.authenticate(provider, { session: false }), sendTokens)
}

async function sendTokens ({ user }, response) {
  response.json({
    access_token: await createAccessToken(user),
    token_type: 'Bearer',
    expires_in: 900,
    refresh_token: user.refreshToken,
    user: { id: user.id, name: user.name, email: user.email }
  })
}

app.get('/me', async (request, response) => {
  const claims = await verifyAccessToken(request.headers.authorization).catch(() => undefined)
  const user = claims && await findUser(claims.sub)
  if (user) response.json(user)
  else response.status(401).end()
})

await createTables()
app.listen(Number(PORT), '127.0.0.1')
