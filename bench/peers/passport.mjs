// The usual way with Express: passport-oauth2, a session in PostgreSQL, find or create the user.
import { randomUUID } from 'node:crypto'
import connectPgSimple from 'connect-pg-simple'
import express from 'express'
import session from 'express-session'
import passport from 'passport'
import OAuth2Strategy from 'passport-oauth2'
import pg from 'pg'

const { PORT, DATABASE_URL, STUB_URL } = process.env
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10, options: '-c search_path=passport' })
await pool.query(`
  CREATE SCHEMA IF NOT EXISTS passport;
  CREATE TABLE IF NOT EXISTS passport.users (id uuid PRIMARY KEY, subject text UNIQUE, name text, email text);
  CREATE TABLE IF NOT EXISTS passport.session (sid varchar PRIMARY KEY, sess json NOT NULL, expire timestamp(6) NOT NULL)`)

class BenchStrategy extends OAuth2Strategy {
  userProfile (accessToken, done) {
    this._oauth2.useAuthorizationHeaderforGET(true)
    this._oauth2.get(`${STUB_URL}/me`, accessToken, (error, body) => error ? done(error) : done(null, JSON.parse(body)))
  }
}
const options = {
  authorizationURL: `${STUB_URL}/authorize`,
  tokenURL: `${STUB_URL}/token`,
  clientID: 'bench',
  clientSecret: 'secret',
  callbackURL: `http://127.0.0.1:${PORT}/callback`,
  state: true,
  pkce: true
}
passport.use('bench', new BenchStrategy(options, (accessToken, refreshToken, profile, done) => {
  const text = 'INSERT INTO users VALUES ($1, $2, $3, $4) ON CONFLICT (subject) DO UPDATE SET name = EXCLUDED.name, email = EXCLUDED.email RETURNING *'
  pool.query(text, [randomUUID(), profile.id, profile.name, profile.email]).then(({ rows }) => done(null, rows[0]), done)
}))
passport.serializeUser((user, done) => done(null, user.id))
passport.deserializeUser((id, done) => pool.query('SELECT * FROM users WHERE id = $1', [id]).then(({ rows }) => done(null, rows[0] ?? false), done))

const app = express()
app.get('/ready', (_request, response) => response.json({ status: 'ok' }))
const Store = connectPgSimple(session)
app.use(session({ store: new Store({ pool, schemaName: 'passport', pruneSessionInterval: false }), secret: 'a secret', resave: false, saveUninitialized: false }))
app.use(passport.session())
app.get('/login', passport.authenticate('bench'))
app.get('/callback', passport.authenticate('bench'), (_request, response) => response.redirect('/'))
app.get('/me', (request, response) => request.user ? response.json(request.user) : response.status(401).end())
app.listen(Number(PORT), '127.0.0.1')
