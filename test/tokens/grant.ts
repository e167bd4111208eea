import type { TokenType } from '../../src/keys/signers.ts'
import type { IdentityGrant } from '../../src/tokens/grants.ts'

/** Returns what it would have signed. */
export const keys = {
  sign: (type: TokenType, claims: object) => JSON.stringify({ type, ...claims }),
  prepare: async () => {}
}

export const grant: IdentityGrant = {
  sessionId: 's',
  userId: 'u',
  clientId: 'c',
  scope: 'openid profile email',
  resources: [],
  roles: ['admin'],
  authTime: 1_700_000_000,
  nonce: 'n',
  email: 'e@x',
  name: 'Name',
  avatarUrl: 'https://x/1',
  username: 'user',
  metadata: { tenant: 't' }
}

export const nowSeconds = () => Math.floor(Date.now() / 1000)
