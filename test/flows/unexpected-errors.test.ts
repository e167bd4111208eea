import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { basic, REDIRECT_URI, setupWithClients, WEB } from './setup-with-clients.ts'

const APP = 'http://localhost:5173'
const { url, origin, sql, log, signIn, request, exchange, authorize, refresh } = await setupWithClients(t, {
  ALLOWED_ORIGINS: APP,
  LOG_LEVEL: 'error'
})
const AS_BROWSER = { accept: 'text/html' }

/** What PostgreSQL and Prisma say of a table that is not there, and what a stack trace has. */
const SECRETS = /_away|relation|does not exist|42P01|[Pp]risma|SELECT |\n +at /

/** Takes tables away while `work` runs: statements fail in a way that nobody foresaw. */
async function withoutTables<Result> (work: () => Promise<Result>): Promise<Result> {
  const tables = [
    'users', 'accounts', 'sessions', 'authorization_codes', 'device_grants', 'clients', 'audit_events', 'revocations'
  ]
  await sql.query(tables.map((table) => `ALTER TABLE ${table} RENAME TO ${table}_away`).join('; '))
  try {
    return await work()
  } finally {
    await sql.query(tables.map((table) => `ALTER TABLE ${table}_away RENAME TO ${table}`).join('; '))
  }
}

t.test('an error that nobody foresaw keeps its words to itself, whichever way it is answered', async (t) => {
  const tokens = await signIn({ scope: 'openid offline_access' })
  const bearer = { authorization: `Bearer ${tokens.access_token}` }
  const code = await authorize()
  /** A login up to its callback, which is still to be visited. */
  async function almostSignedIn (start: string) {
    const browser = createBrowser(url)
    return { browser, callback: await browser.authorize(await browser.start(start)) }
  }
  const direct = await almostSignedIn('/login/github')
  const shown = await almostSignedIn('/login/github')
  const byCookie = await almostSignedIn(`/login/github?return_to=${APP}/`)
  const forClient = await almostSignedIn(request().path)
  const form = (parameters: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(parameters) })
  const json = (method: string, body: unknown) =>
    ({ method, headers: { ...bearer, 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(url + path, { redirect: 'manual', ...init })
    return { status: response.status, text: await response.text(), location: response.headers.get('location') ?? '' }
  }

  const answers = await withoutTables(async () => ({
    'a REST route': await ask('/me', { headers: bearer }),
    'a list': await ask('/me/sessions', { headers: bearer }),
    'a write': await ask('/me', json('PATCH', { name: 'x' })),
    'an export': await ask('/me/export', { headers: bearer }),
    'the home page': await ask('/', { headers: bearer }),
    administration: await ask('/admin/users', { headers: bearer }),
    'a refresh': await refresh(tokens.refresh_token),
    'a code': await exchange(code.code, code.codeVerifier),
    introspection: await ask('/oauth2/introspect', {
      ...form({ token: tokens.access_token }), headers: basic(WEB.client_secret)
    }),
    'a revocation': await ask('/oauth2/revoke', form({ token: tokens.refresh_token, client_id: 'spa' })),
    userinfo: await ask('/oauth2/userinfo', { headers: bearer }),
    'a device that asks': await ask('/oauth2/device_authorization', form({ client_id: 'signet' })),
    'the page for its code': await createBrowser(url).post('/device', {
      form: { user_code: 'BCDF-GHJK' }, headers: { ...AS_BROWSER, origin }
    }),
    'the feed': await ask('/revocations', { headers: basic(WEB.client_secret) }),
    'a logout': await ask('/logout', { method: 'POST', headers: bearer }),
    'a logout by a client': await ask(`/oauth2/logout?id_token_hint=${tokens.id_token}`),
    'a logout in a browser': await ask(`/oauth2/logout?id_token_hint=${tokens.id_token}`, { headers: AS_BROWSER }),
    'a client that is not of the settings': await ask('/oauth2/authorize?client_id=other', { headers: AS_BROWSER }),
    'a login': await direct.browser.callback(direct.callback),
    'a login in a browser': await shown.browser.get(shown.callback, { headers: AS_BROWSER }),
    'a login by cookie': await byCookie.browser.callback(byCookie.callback),
    'a login for a client': await forClient.browser.callback(forClient.callback)
  }))

  for (const [what, answer] of Object.entries(answers)) {
    const { status, location = '' } = answer as { status: number, location?: string }
    const told = JSON.stringify(answer) + decodeURIComponent(location.replaceAll('+', ' '))
    t.notMatch(told, SECRETS, what)
    if (location === '') t.equal(status, 500, what)
    else t.match(new URL(location).searchParams.get('error'), 'server_error', what)
  }
  t.equal(answers['a login by cookie'].location?.startsWith(`${APP}/?error=server_error`), true)
  t.equal(answers['a login for a client'].location?.startsWith(REDIRECT_URI), true)
  t.match(log(), /does not exist/, 'the log says why')
})
