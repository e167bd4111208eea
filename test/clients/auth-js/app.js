// An Express app whose people sign in with Auth.js.
import { randomBytes } from 'node:crypto'
import { ExpressAuth, getSession } from '@auth/express'
import express from 'express'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT } = process.env

const config = {
  providers: [{
    id: 'signet',
    name: 'Signet',
    type: 'oidc',
    issuer: ISSUER,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    authorization: { params: { scope: 'openid profile email', provider: 'github' } },
    checks: ['pkce', 'state', 'nonce']
  }],
  secret: randomBytes(32).toString('base64'),
  trustHost: true,
  callbacks: {
    jwt: ({ token, account }) => ({ ...token, ...(account && { accessToken: account.access_token }) }),
    session: ({ session, token }) => ({ ...session, accessToken: token.accessToken })
  }
}

express()
  .use('/auth', ExpressAuth(config))
  .get('/', async (request, response) => { response.json(await getSession(request, config)) })
  .listen(PORT)
