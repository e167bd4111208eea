import t, { type Test } from 'tap'
import { basic, setupWithClients, WEB } from './setup-with-clients.ts'

const { url } = await setupWithClients(t)

const ENDPOINTS = ['token', 'revoke', 'introspect', 'device_authorization']

async function ask (method: string, path: string, headers: Record<string, string> = {}, body?: string) {
  const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

/** RFC 6749 section 5.2, and nothing else. */
function isOAuthError (t: Test, { status, headers, body }: Awaited<ReturnType<typeof ask>>, expected: object) {
  t.same(Object.keys(body ?? {}), ['error', 'error_description'])
  t.match({ status, ...body }, expected)
  t.match(headers.get('content-type'), /^application\/json/)
  t.equal(headers.get('cache-control'), 'no-store')
}

for (const endpoint of ENDPOINTS) {
  const path = `/oauth2/${endpoint}`

  t.test(`${path} takes POST only, and says so as an OAuth error`, async (t) => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await ask(method, `${path}?grant_type=refresh_token`)
      isOAuthError(t, answer, { status: 405, error: 'invalid_request', error_description: /POST/ })
      t.equal(answer.headers.get('allow'), 'POST', method)
    }
    t.match(await ask('HEAD', path), { status: 405, body: undefined })
  })

  t.test(`${path} answers a POST without a body, or with one that it cannot read, by an OAuth error`, async (t) => {
    const client = basic(WEB.client_secret)
    const bodies: [Record<string, string>, string?][] = [
      [{}],
      [{ 'content-type': 'application/json' }],
      [{ 'content-type': 'application/x-www-form-urlencoded' }],
      [{ 'content-type': 'application/json' }, ''],
      [{ 'content-type': 'application/json' }, 'null'],
      [{ 'content-type': 'application/json' }, '[]'],
      [{ 'content-type': 'application/json' }, '{'],
      [{ 'content-type': 'application/x-www-form-urlencoded' }, '']
    ]
    for (const [headers, body] of bodies) {
      const answer = await ask('POST', path, { ...client, ...headers }, body)
      // A device needs no parameter beside the client, which the header names.
      if (endpoint === 'device_authorization' && answer.status === 200) continue
      isOAuthError(t, answer, { status: 400, error: 'invalid_request' })
      t.match(answer.body.error_description, /body|could not be read|missing/, `${JSON.stringify(headers)} ${body}`)
    }
    isOAuthError(t, await ask('POST', path, { 'content-type': 'text/plain' }, 'x'), { status: 415 })
  })
}

t.test('what is not there below /oauth2/ is an OAuth error, too, and elsewhere a problem', async (t) => {
  isOAuthError(t, await ask('GET', '/oauth2/tokens'), { status: 404, error: 'invalid_request' })
  isOAuthError(t, await ask('PUT', '/oauth2/userinfo'), { status: 405, error: 'invalid_request' })
  t.match(await ask('GET', '/oauth2'), { status: 404, body: { code: 'not_found' } })
  t.match(await ask('PUT', '/me'), { status: 404, body: { code: 'not_found' } })
})
