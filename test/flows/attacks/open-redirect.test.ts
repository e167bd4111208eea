import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { setupWithAgents, NOTES } from '../agents-world.ts'

// Anybody may register a client, so a link to this server must not lead on to the client's site by itself (RFC 9700
// section 4.11.2).

const PHISHING = 'https://phishing.example/callback'
const HTML = { accept: 'text/html' }

const acme = await startFakeOidc()
t.teardown(() => acme.close())
acme.person({ sub: 'jane', name: 'Jane' })
const world = await setupWithAgents(t, acme.settings('acme'))
const { url, register, agentRequest } = world

const WRONG: [string, Record<string, string | undefined>][] = [
  ['no resource', { resource: undefined }],
  ['an unknown resource', { resource: 'https://other.example' }],
  ['no response type', { response_type: undefined }],
  ['a malformed scope', { scope: '"' }],
  ['no challenge', { code_challenge: undefined }],
  ['a silent sign-in', { prompt: 'none' }],
  ['an unknown provider', { provider: 'none' }],
  ['a request object', { request: 'x' }]
]

t.test("wanted: a link of this server that leads to a site of the attacker's", async (t) => {
  const { body: { client_id: clientId } } = await register({ client_name: 'Notes', redirect_uris: [PHISHING] })
  for (const [what, more] of WRONG) {
    for (const mode of [undefined, 'form_post']) {
      const parameters = {
        client_id: clientId, redirect_uri: PHISHING, resource: NOTES, response_mode: mode, ...more
      }
      const response = await fetch(url + agentRequest(parameters).path, { redirect: 'manual', headers: HTML })
      t.same([response.status, response.headers.get('location')], [400, null], what)
      const text = await response.text()
      t.notMatch(text, '<script', what)
      const [, link = ''] = /href="(https:\/\/phishing\.example[^"]*)">[^<]*phishing\.example</.exec(text) ?? []
      const back = new URL(link.replaceAll('&amp;', '&')).searchParams
      t.match(Object.fromEntries(back), { error: /./, state: 'the state', iss: url }, 'a click takes the error back')
    }
  }
})

t.test('wanted: the same, by a silent sign-in at a provider whose answer is refused', async (t) => {
  const { body: { client_id: clientId } } = await register({
    client_name: 'Notes', redirect_uris: [PHISHING, 'http://127.0.0.1/callback']
  })
  acme.idToken({ claims: { auth_time: Math.floor(Date.now() / 1000) - 3600 } })
  async function comeBack (redirectUri: string, headers: Record<string, string>) {
    const browser = createBrowser(url)
    const { path } = agentRequest({ client_id: clientId, redirect_uri: redirectUri, provider: 'acme', max_age: '0' })
    return await browser.get(await browser.authorize(await browser.start(path)), { headers })
  }
  const page = await comeBack(PHISHING, HTML)
  t.same([page.status, page.location], [502, undefined])
  t.match(page.text, /href="https:\/\/phishing\.example\/callback\?error=server_error[^"]*">[^<]*phishing\.example</)
  t.match((await comeBack(PHISHING, {})).location, `${PHISHING}?error=server_error`)
  acme.deny()
  t.match((await comeBack(PHISHING, HTML)).location, `${PHISHING}?error=access_denied`, 'the person has said something')
})

t.test('an app on this computer, and what is no browser, get the error as ever', async (t) => {
  const { body: { client_id: clientId } } = await register({
    client_name: 'Notes', redirect_uris: [PHISHING, 'http://127.0.0.1/callback']
  })
  for (const [redirectUri, headers] of [['http://127.0.0.1:4321/callback', HTML], [PHISHING, {}]] as const) {
    const { path } = agentRequest({ client_id: clientId, redirect_uri: redirectUri, resource: undefined })
    const response = await fetch(url + path, { redirect: 'manual', headers })
    t.equal(response.status, 302)
    t.match(response.headers.get('location'), `${redirectUri}?error=invalid_target`)
  }
  const ours = await world.ask({ resource: 'https://other.example' }, HTML)
  t.match(ours.headers.get('location'), /^https:\/\/app\.example\.com\/callback\?.*error=invalid_target/)
})
