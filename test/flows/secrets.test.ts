import t from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { startCollector } from '../fakes/collector.ts'
import { startFakeGitHub, GITHUB_PATHS } from '../fakes/github.ts'
import { startFakeOidc } from '../fakes/oidc.ts'
import { ENCRYPTION_KEYS, isEmbedded, readJson, setup } from '../helper.ts'

t.test('no token, code, state, verifier, cookie or secret reaches a log or a trace', async (t) => {
  const [github, acme, collector] = await Promise.all([
    startFakeGitHub({ clientSecret: 'canary-github-secret' }),
    startFakeOidc({ clientSecret: 'canary-acme-secret' }),
    startCollector()
  ])
  t.teardown(() => Promise.all([github.close(), acme.close(), collector.close()]))
  const { url, sql, log, app, database } = await setup(t, {
    ...github.settings,
    ...acme.settings('acme'),
    ...collector.settings,
    OTEL_EXPORTER_OTLP_HEADERS: 'x-api-key=canary-collector-key',
    ALLOWED_ORIGINS: 'https://app.example.com',
    LOG_LEVEL: 'trace'
  })
  const canaries: Record<string, string> = {
    'client secret of github': 'canary-github-secret',
    'client secret of acme': 'canary-acme-secret',
    'key of the collector': 'canary-collector-key',
    'encryption key': ENCRYPTION_KEYS.split(':')[1] as string
  }
  const note = (what: string, value: string | null | undefined) => {
    if (value) canaries[what] = value
  }

  for (const provider of ['github', 'acme']) {
    const browser = createBrowser(url)
    const authorization = new URL(await browser.start(`/login/${provider}`))
    for (const name of ['state', 'nonce', 'code_challenge']) {
      note(`${name} at ${provider}`, authorization.searchParams.get(name))
    }
    note(`login cookie of ${provider}`, browser.cookies()[0]?.value)
    const callback = await browser.authorize(authorization.href)
    note(`code of ${provider}`, new URL(callback).searchParams.get('code'))
    const { access_token: accessToken, refresh_token: refreshToken } = (await browser.callback(callback)).json()
    note(`access token of ${provider}`, accessToken)
    note(`refresh token of ${provider}`, refreshToken)
    await fetch(`${url}/me?access_token=${accessToken}`, { headers: { authorization: `Bearer ${accessToken}` } })
    await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}x` } })
    const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
    const refreshed = await readJson(await fetch(`${url}/oauth2/token`, { method: 'POST', body: form }))
    note(`second refresh token of ${provider}`, refreshed.refresh_token)
    await sql.query("UPDATE sessions SET rotated_at = now() - interval '1 hour'")
    await fetch(`${url}/oauth2/token`, { method: 'POST', body: form })
    await fetch(`${url}/logout`, {
      method: 'POST',
      headers: { authorization: `Bearer ${accessToken}`, cookie: `signet-refresh=${refreshToken}` }
    })
  }

  const cookieMode = createBrowser(url)
  await cookieMode.login(`/login/github?return_to=${encodeURIComponent('https://app.example.com/')}`)
  note('refresh cookie', cookieMode.cookies().find(({ name }) => name === 'signet-refresh')?.value)

  const leak = {
    error: 'invalid_grant',
    error_description: 'canary-in-the-answer',
    access_token: 'canary-token-in-the-answer'
  }
  Object.assign(canaries, {
    "the provider's answer": 'canary-in-the-answer',
    'a token in it': 'canary-token-in-the-answer',
    "the provider's error_description": 'canary-denial'
  })
  for (const path of [GITHUB_PATHS.token, GITHUB_PATHS.user, GITHUB_PATHS.emails]) {
    github.fault(path, { kind: 'status', status: 500, body: leak })
    await createBrowser(url).login('/login/github')
    github.fault(path, {
      kind: 'status',
      status: 200,
      body: '{"access_token":"canary-token-in-the-answer" broken',
      contentType: 'application/json'
    })
    await createBrowser(url).login('/login/github')
    github.heal()
  }
  for (const path of Object.values(acme.paths)) {
    if (path === acme.paths.authorize) continue
    acme.fault(path, { kind: 'status', status: 400, body: leak })
    await createBrowser(url)
      .login('/login/acme')
      .catch(() => {})
    acme.heal()
  }
  acme.idToken({ sign: 'corrupt', claims: { canary: 'canary-in-the-answer' } })
  await createBrowser(url).login('/login/acme')
  github.deny('access_denied', 'canary-denial')
  await createBrowser(url).login('/login/github')

  // A failure of our own: the database goes away in the middle of it all.
  github.allow()
  const browser = createBrowser(url)
  const callback = await browser.authorize(await browser.start('/login/github'))
  note('code of the failed login', new URL(callback).searchParams.get('code'))
  await database.goAway()
  const failed = await browser.callback(callback)
  t.equal(failed.status, 503)
  t.equal(failed.json().code, 'service_unavailable')
  t.ok(failed.headers.get('retry-after'))
  t.equal((await fetch(`${url}/readyz`)).status, 503)
  t.equal((await fetch(`${url}/healthz`)).status, 200)
  await database.comeBack()
  t.equal(
    (await browser.callback(callback)).status,
    200,
    'the same callback goes through once the database is back: nothing was spent'
  )

  await app.close()
  const text = log() + collector.text()
  t.match(text, 'incoming request', 'the log is there')
  t.match(text, 'provider_error')
  // Inside another app the tracer is that app's.
  const spans = isEmbedded ? [] : ['GET /login/:provider/callback', 'GitHub: token exchange', 'rotate-session']
  for (const name of spans) {
    t.ok(
      collector.spans().some((span) => span.name === name),
      name
    )
  }
  for (const [what, value] of Object.entries(canaries)) t.notMatch(text, value, what)
  const [password] = [
    new URL((app.database.pool as unknown as { options: { connectionString: string } }).options.connectionString)
      .password
  ]
  t.notMatch(text, password, 'password of the database')
})
