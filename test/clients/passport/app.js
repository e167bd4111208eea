// An Express app whose people sign in with passport-openidconnect, which knows no PKCE.
import { randomBytes } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import { Strategy } from 'passport-openidconnect'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env

passport.use(new Strategy({
  issuer: ISSUER,
  authorizationURL: `${ISSUER}/oauth2/authorize?provider=github`,
  tokenURL: `${ISSUER}/oauth2/token`,
  userInfoURL: `${ISSUER}/oauth2/userinfo`,
  clientID: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  callbackURL: '/callback',
  scope: ['profile', 'email'],
  nonce: true,
  skipUserProfile: false
}, (issuer, profile, done) => done(null, profile)))
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

express()
  .use(session({ secret: randomBytes(16).toString('hex'), resave: false, saveUninitialized: false }))
  .use(passport.session())
  .get('/login', passport.authenticate('openidconnect'))
  .get('/callback', passport.authenticate('openidconnect', { successRedirect: '/' }))
  .get('/', (request, response) => { response.json(request.user ?? null) })
  .listen(PORT)
