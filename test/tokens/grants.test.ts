import t from 'tap'
import { toIdentityGrant } from '../../src/tokens/grants.ts'

t.test('the grant of a new session has what its user and session have, and whole seconds', async (t) => {
  const metadata = { a: 1 }
  const user = { id: 'u', roles: ['admin'], email: 'e@x', name: null, avatarUrl: null, accounts: [], metadata }
  const authenticatedAt = new Date(1_700_000_000_999)
  const session = { sessionId: 's', clientId: 'c', scope: 'openid', resources: ['https://a'], authenticatedAt }
  t.strictSame(toIdentityGrant(user, session), {
    sessionId: 's',
    userId: 'u',
    clientId: 'c',
    scope: 'openid',
    resources: ['https://a'],
    roles: ['admin'],
    authTime: 1_700_000_000,
    nonce: null,
    email: 'e@x',
    name: null,
    avatarUrl: null,
    username: null,
    metadata: { a: 1 }
  })
})
