import { createHash } from 'node:crypto'
import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { REDIRECT_URI, setupWithClients, type Parameters } from './setup-with-clients.ts'

const world = await setupWithClients(t)
const { url, github, request, exchange, ask } = world

/** What the page would post, and where. */
function formOf (page: string) {
  const unescape = (text: string) =>
    text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&')
  const action = unescape(/<form method="post" action="([^"]*)"/.exec(page)?.[1] ?? '')
  const fields = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
    .map(([, name = '', value = '']) => [name, unescape(value)])
  return { action, fields: Object.fromEntries(fields) as Record<string, string> }
}

/** A sign-in up to the page that posts the answer. */
async function answered (more: Parameters = {}) {
  const { path, codeVerifier } = request({ response_mode: 'form_post', ...more })
  return { ...await createBrowser(url).login(path), codeVerifier }
}

t.test('form_post answers with a page that posts itself, by its one line of script or by a button', async (t) => {
  const state = `<'"&> ${'x'.repeat(20)}`
  const { status, location, text, headers, codeVerifier } = await answered({ state })
  t.match([status, location], [200, undefined])
  const { action, fields } = formOf(text)
  t.equal(action, REDIRECT_URI, 'its own query is kept')
  t.match(fields, { state, iss: url, code: /^[\w-]{43}$/ })
  t.same(Object.keys(fields).sort(), ['code', 'iss', 'state'])
  t.equal((await exchange(fields['code'] ?? '', codeVerifier)).status, 200)

  const scripts = [...text.matchAll(/<script>([^]*?)<\/script>/g)].map(([, script = '']) => script)
  t.same(scripts, ['document.forms[0].submit()'])
  const hash = createHash('sha256').update(scripts[0] ?? '').digest('base64')
  const policy = headers.get('content-security-policy') ?? ''
  t.match(policy, "default-src 'none'")
  t.match(policy, `script-src 'sha256-${hash}'`)
  t.match(policy, "form-action 'self' https:")
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(text, /<noscript>[^]*<button/)
})

t.test('an error of the request goes the same way', async (t) => {
  for (const more of [{ response_type: 'token' }, { code_challenge: undefined }, { provider: 'nobody' }]) {
    const response = await ask({ response_mode: 'form_post', ...more })
    t.equal(response.status, 200)
    t.match(formOf(await response.text()), {
      action: REDIRECT_URI,
      fields: { error: /./, error_description: /./, state: 'the state', iss: url }
    })
  }
})

t.test('the query is what is answered in otherwise, and no other mode is known', async (t) => {
  t.equal((await answered({ response_mode: 'query' })).status, 302)
  t.equal((await answered({ response_mode: undefined })).status, 302)
  const refused = new URL((await ask({ response_mode: 'fragment' })).headers.get('location') ?? '')
  t.match(refused.searchParams.get('error_description'), /query or form_post/)
})

t.test('state of 2,000 characters comes back byte for byte, longer state is an error', async (t) => {
  const states = [
    'x'.repeat(2000),
    '%2B+/= &?#"\\'.repeat(166),
    Buffer.from('{"target":"/somewhere?and=more","rnd":"abc"}'.repeat(34)).toString('base64')
  ]
  for (const state of states) {
    t.ok(state.length > 1900 && state.length <= 2000)
    const back = new URL((await answered({ state, response_mode: undefined })).location ?? '')
    t.equal(back.searchParams.get('state'), state)
    t.ok(back.searchParams.get('code'))
    t.equal(formOf((await answered({ state })).text).fields['state'], state)
  }
  const refused = new URL((await ask({ state: 'x'.repeat(2001) })).headers.get('location') ?? '')
  t.equal(refused.searchParams.get('error'), 'invalid_request')
  t.equal(refused.searchParams.get('state'), null)
})

t.test('so does an error of the provider', async (t) => {
  github.deny()
  t.match(formOf((await answered()).text).fields, { error: 'access_denied', state: 'the state' })
})
