import { slow } from '../../slow.ts'
import { signedIn } from '../signed-in.ts'
import { readSettings } from '../../../src/settings.ts'

/** What a browser would run, open from its own disk, or send somewhere else than it reads. */
const REFUSED = [
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'javascript://app.example.com/%0aalert(1)',
  'java\tscript:alert(1)',
  'java\nscript:alert(1)',
  ' javascript:alert(1)',
  '\u0000javascript:alert(1)',
  '\u00a0javascript:alert(1)',
  'javascript\u200b:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'DATA:text/html;base64,PHNjcmlwdD4=',
  'vbscript:msgbox(1)',
  'VBScript:msgbox(1)',
  'file:///etc/passwd',
  'FILE:///C:/',
  'blob:https://app.example.com/1',
  'about:blank',
  'ABOUT:srcdoc',
  'filesystem:https://app.example.com/temporary/x',
  'view-source:https://app.example.com/',
  'ws://app.example.com/',
  'wss://app.example.com/',
  'ftp://app.example.com/',
  'https://app.example.com@evil.example/',
  'https://user:password@app.example.com/',
  'https://@app.example.com/',
  'https://:@app.example.com/',
  'http://127.0.0.1@evil.example/',
  'http://user@127.0.0.1/callback',
  'https:evil.example/callback',
  'https:/evil.example',
  'https:\\\\evil.example',
  'https:///evil.example',
  'https://app.example.com\\@evil.example/',
  'http://app.example.com/callback',
  'http://localhost.evil.example/',
  'http://192.168.0.1/',
  '//evil.example/',
  '/callback',
  'https://',
  'https://app.example.com/#fragment',
  'https://app.example.com/ä'
]

const TAKEN = [
  'https://app.example.com/callback?tenant=1',
  'https://app.example.com/users/@me',
  'http://127.0.0.1/callback',
  'http://127.0.0.1:8080/',
  'http://[::1]/callback',
  'http://localhost:5173/callback',
  'com.example.app:/callback',
  'com.example.app://host/path',
  'myapp:callback',
  'web+signet://callback',
  'capacitor://localhost/callback',
  'ionic://localhost',
  'tauri://localhost/callback',
  'exp://127.0.0.1:19000/--/callback'
]

slow.test('wanted: script in a browser, by a registered redirect URI', async (t) => {
  const { sql, login, call } = await signedIn(t)
  await login()
  await sql.query("UPDATE users SET roles = '{admin}'")
  const { access_token: admin } = await login()
  const created = await call('POST', '/admin/clients', admin, { body: { name: 'App', redirectUris: [TAKEN[0]] } })
  const path = `/admin/clients/${created.body.clientId}`

  const register = (uris: object) =>
    call('POST', '/admin/clients', admin, { body: { name: 'App', redirectUris: [TAKEN[0]], ...uris } })
  const change = (uris: object) => call('PATCH', path, admin, { body: uris })
  const configure = (uris: object) =>
    readSettings({
      PORT: '3000',
      CLIENTS: JSON.stringify([{ client_id: 'app', name: 'App', redirect_uris: [], ...uris }])
    })

  for (const uri of REFUSED) {
    const name = JSON.stringify(uri)
    for (const uris of [
      { redirectUris: [uri] },
      { redirectUris: [TAKEN[0], uri] },
      { postLogoutRedirectUris: [uri] }
    ]) {
      for (const answer of [await register(uris), await change(uris)]) {
        t.same([answer.status, answer.body.code], [400, 'validation_failed'], name)
      }
    }
    t.throws(() => configure({ redirect_uris: [uri] }), { message: /CLIENTS: / }, name)
    t.throws(() => configure({ post_logout_redirect_uris: [uri] }), { message: /CLIENTS: / }, name)
  }
  t.same((await call('GET', path, admin)).body, { ...created.body }, 'the client is unchanged')

  for (const uri of TAKEN) {
    t.equal((await register({ redirectUris: [uri], postLogoutRedirectUris: [uri] })).status, 201, uri)
    t.equal((await change({ redirectUris: [uri], postLogoutRedirectUris: [uri] })).status, 200, uri)
    t.ok(configure({ redirect_uris: [uri], post_logout_redirect_uris: [uri] }), uri)
  }
})
