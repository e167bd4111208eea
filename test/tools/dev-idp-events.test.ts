import t, { type Test } from 'tap'
import { EVENTS, type EventKind } from '../../tools/dev-idp/events.ts'
import { DEV_CLIENT, startDevIdp } from '../../tools/dev-idp/provider.ts'
import { signInAs } from '../../tools/dev-idp/walk.ts'
import { readJson, setup } from '../helper.ts'
import { freePort } from '../free-port.ts'

const SECRET = 'a-secret-that-is-shared'

/** The development identity provider, and a Signet that takes it for each kind of provider that sends events. */
async function world (t: Test) {
  const port = await freePort()
  const issuer = `http://localhost:${port}`
  const { client_id: clientId, client_secret: clientSecret } = DEV_CLIENT
  const running = await setup(t, {
    OIDC_PROVIDERS: 'dev',
    OIDC_DEV_ISSUER: issuer,
    OIDC_DEV_CLIENT_ID: clientId,
    OIDC_DEV_CLIENT_SECRET: clientSecret,
    OIDC_DEV_EVENTS: 'true',
    GOOGLE_ISSUER: issuer,
    GOOGLE_CLIENT_ID: clientId,
    GOOGLE_CLIENT_SECRET: clientSecret,
    APPLE_ISSUER: issuer,
    APPLE_CLIENT_ID: clientId,
    APPLE_CLIENT_SECRET: clientSecret,
    FACEBOOK_CLIENT_ID: 'facebook-client',
    FACEBOOK_CLIENT_SECRET: SECRET,
    GITHUB_CLIENT_ID: 'github-client',
    GITHUB_CLIENT_SECRET: 'github-client-secret',
    GITHUB_WEBHOOK_SECRET: SECRET
  })
  const { url, sql } = running
  const idp = await startDevIdp({ port, clients: [{ ...DEV_CLIENT, redirect_uris: [`${url}/login/dev/callback`] }] })
  t.teardown(() => idp.close())

  async function signIn (persona: string): Promise<string> {
    const start = await fetch(`${url}/login/dev`, { redirect: 'manual' })
    const cookie = start.headers.get('set-cookie')?.split(';')[0] ?? ''
    const callback = await signInAs(start.headers.get('location') ?? '', persona)
    return (await readJson(await fetch(callback, { headers: { cookie } }))).access_token
  }

  const me = async (token: string) =>
    (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${token}` } })).status

  const report = async (form: Record<string, string>) =>
    await fetch(`${idp.issuer}/events`, { method: 'POST', body: new URLSearchParams(form) })

  const recorded = async () =>
    (await sql.query("SELECT provider, details FROM audit_events WHERE type = 'provider.event' ORDER BY id")).rows

  return { idp, signIn, me, report, recorded }
}

t.test('reports of the development identity provider take effect', async (t) => {
  const { idp, signIn, me, report, recorded } = await world(t)

  await t.test('its page offers them, and sending one ends the session of that persona only', async (t) => {
    const page = await (await fetch(idp.issuer)).text()
    t.match(page, /action="\/events"/)
    t.match(page, /<option>sessions-revoked<\/option>/)
    const [vera, rosa] = [await signIn('verified'), await signIn('rotating')]
    const answer = await report({ persona: 'verified', event: 'sessions-revoked' })
    t.match([answer.status, await answer.text()], [200, /The application answered 202/])
    t.same([await me(vera), await me(rosa)], [401, 200])
  })

  for (const kind of Object.keys(EVENTS) as EventKind[]) {
    await t.test(`in the way of ${kind}: each verifies`, async (t) => {
      for (const event of EVENTS[kind]) {
        const secret: Record<string, string> = ['facebook', 'github'].includes(kind) ? { secret: SECRET } : {}
        const answer = await report({ kind, event, subject: '4711', ...secret })
        t.equal(answer.status, 200, await answer.text())
        t.match((await recorded()).at(-1), { provider: kind, details: { event } })
      }
    })
  }

  await t.test('what it cannot send, and what the application refuses', async (t) => {
    for (const form of [{}, { persona: 'nobody', event: 'sessions-revoked' }, { persona: 'verified', event: 'x' },
      { kind: '__proto__', persona: 'verified', event: 'x' }] as Record<string, string>[]) {
      t.equal((await report(form)).status, 400)
    }
    const answer = await report({ kind: 'github', event: 'revoked', subject: '1', secret: 'another' })
    t.match([answer.status, await answer.text()], [502, /The application answered 400/])
  })
})
