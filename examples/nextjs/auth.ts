import NextAuth from 'next-auth'

const {
  AUTH_SIGNET_ISSUER: issuer = 'http://localhost:3000', AUTH_SIGNET_ID = '', AUTH_SIGNET_SECRET = ''
} = process.env

export const { handlers, auth, signIn, signOut } = NextAuth({
  providers: [{
    id: 'signet',
    name: 'Signet',
    type: 'oidc',
    issuer,
    clientId: AUTH_SIGNET_ID,
    clientSecret: AUTH_SIGNET_SECRET,
    authorization: { params: { scope: 'openid profile email' } },
    checks: ['pkce', 'state', 'nonce']
  }],
  callbacks: {
    /** What is in the session cookie, which is encrypted and which no script can read. */
    async jwt ({ token, account }) {
      if (account) {
        const { access_token: accessToken, refresh_token: refreshToken, expires_at: expiresAt = 0 } = account
        return { ...token, accessToken, refreshToken, expiresAt }
      }
      if (Date.now() / 1000 < Number(token['expiresAt']) - 30) return token
      const response = await askSignet('token', { grant_type: 'refresh_token', refresh_token: token['refreshToken'] })
      // The session has ended at Signet: it ends here, too.
      if (response.status === 400) return null
      if (!response.ok) throw new Error(`The refresh failed: HTTP ${response.status}`)
      const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds } = await response.json()
      return { ...token, accessToken, refreshToken, expiresAt: Math.floor(Date.now() / 1000) + seconds }
    },
    /** What pages know, and the app's own scripts by /api/auth/session. The refresh token is not part of it. */
    session: ({ session, token }) => ({ ...session, accessToken: token['accessToken'] })
  },
  events: {
    /** Ends Signet's session as well, and not just the one of this app. */
    async signOut (message) {
      if ('token' in message && message.token) await askSignet('revoke', { token: message.token['refreshToken'] })
    }
  }
})

/** POSTs to Signet as this app. */
async function askSignet (endpoint: 'token' | 'revoke', form: Record<string, unknown>): Promise<Response> {
  const credentials = [AUTH_SIGNET_ID, AUTH_SIGNET_SECRET].map(encodeURIComponent).join(':')
  return await fetch(`${issuer}/oauth2/${endpoint}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(credentials)}` },
    body: new URLSearchParams(form as Record<string, string>),
    signal: AbortSignal.timeout(10_000)
  })
}

declare module 'next-auth' {
  interface Session { accessToken?: unknown }
}
