import t from 'tap'
import { clientRequest } from '../../src/providers/client-authentication.ts'

// The characters of RFC 6749 appendix B, and what separates the two halves.
const client = { clientId: 'an:id', clientSecret: " %&+£€:!'()*" }

t.test('client_secret_basic: both halves are form-encoded first, and nothing of them is in the body', async (t) => {
  const {
    headers: { authorization = '' },
    body
  } = clientRequest({ ...client, authentication: 'header' }, { grant_type: 'refresh_token' })
  const [scheme, credentials = ''] = authorization.split(' ')
  t.equal(scheme, 'Basic')
  t.equal(Buffer.from(credentials, 'base64').toString(), 'an%3Aid:+%25%26%2B%C2%A3%E2%82%AC%3A%21%27%28%29%2A')
  t.equal(body, 'grant_type=refresh_token')
})

t.test('client_secret_post: they are in the body, and there is no Authorization', async (t) => {
  const { method, headers, body } = clientRequest({ ...client, authentication: 'body' }, { code: 'a b&c' })
  t.equal(method, 'POST')
  t.same(headers, { 'content-type': 'application/x-www-form-urlencoded' })
  t.same(Object.fromEntries(new URLSearchParams(body)), {
    code: 'a b&c',
    client_id: client.clientId,
    client_secret: client.clientSecret
  })
})
