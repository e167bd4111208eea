import { decodeJwt } from 'jose'
import t from 'tap'
import { createDpopKey } from '../fakes/dpop.ts'
import { readJson } from '../helper.ts'
import { basic } from './setup-with-clients.ts'
import { signedIn } from './signed-in.ts'

const NOTES = 'https://notes.example.com'
const MAIL = 'https://mail.example.com'
const JOBS = {
  client_id: 'jobs',
  name: 'Nightly jobs',
  redirect_uris: [],
  client_secret: 'the secret of the jobs',
  grant_types: ['client_credentials'],
  scope: 'notes:read notes:write mail:send other'
}

const { url, call, login } = await signedIn(t, {
  CLIENTS: JSON.stringify([JOBS, { ...JOBS, client_id: 'mailer', resource: MAIL }]),
  RESOURCES: JSON.stringify([
    { resource: NOTES, name: 'Notes', scopes: ['notes:read', 'notes:write'] },
    { resource: MAIL, name: 'Mail', scopes: ['mail:send'] }
  ])
})

async function token (form: [string, string][], headers: Record<string, string> = {}) {
  const response = await fetch(`${url}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form), headers })
  return { status: response.status, body: await readJson(response) }
}
const ask = (form: [string, string][] = [], clientId = 'jobs', headers: Record<string, string> = {}) =>
  token([['grant_type', 'client_credentials'], ...form], { ...basic(JOBS.client_secret, clientId), ...headers })
const redeem = (refreshToken: string, form: [string, string][] = [], headers: Record<string, string> = {}) =>
  token([['grant_type', 'refresh_token'], ['refresh_token', refreshToken], ...form], headers)
const targets = ({ body }: { body: { access_token: string } }) => {
  const { aud, scope, cnf } = decodeJwt(body.access_token)
  return { aud, scope, ...cnf ? { cnf } : {} }
}
const proof = async () => {
  const key = await createDpopKey()
  return { jkt: key.jkt, headers: { dpop: await key.prove('POST', `${url}/oauth2/token`) } }
}

t.test("a client's own token is for resources, with what of its scope they have (RFC 8707)", async (t) => {
  t.strictSame(targets(await ask()), { aud: url, scope: JOBS.scope }, 'without a resource: all')
  const one = await ask([['resource', NOTES]])
  t.strictSame(targets(one), { aud: NOTES, scope: 'notes:read notes:write' })
  t.equal(one.body.scope, 'notes:read notes:write')
  const both = await ask([['resource', NOTES], ['resource', MAIL], ['scope', 'mail:send notes:read']])
  t.strictSame(targets(both), { aud: [NOTES, MAIL], scope: 'mail:send notes:read' })
  t.strictSame(targets(await ask([], 'mailer')), { aud: MAIL, scope: 'mail:send' }, 'by its registration')
  t.match(await ask([['resource', NOTES], ['scope', 'mail:send']]), { status: 400, body: { error: 'invalid_scope' } })
  t.match(await ask([['resource', 'https://x.example']]), { status: 400, body: { error: 'invalid_target' } })
})

t.test("a client's own token is bound to the key of its proof (RFC 9449)", async (t) => {
  const { jkt, headers } = await proof()
  const bound = await ask([], 'jobs', headers)
  t.match([bound.body.token_type, targets(bound)], ['DPoP', { cnf: { jkt } }])
  t.match(await ask([], 'jobs', headers), { status: 400, body: { error: 'invalid_dpop_proof' } }, 'once')
})

t.test('a personal token is for resources, too', async (t) => {
  const { access_token: signedInToken } = await login()
  const make = (more: object) =>
    call('POST', '/me/tokens', signedInToken, { body: { name: 'a script', expiresInDays: 1, ...more } })
  const { status, body: made } = await make({ resource: [NOTES, MAIL], scope: 'notes:read mail:send openid' })
  t.equal(status, 201)
  t.strictSame([made.resource, made.scope], [[NOTES, MAIL], 'openid notes:read mail:send'])
  t.match((await call('GET', '/me/tokens', signedInToken)).body.items, [{ id: made.id, resource: [NOTES, MAIL] }])

  const all = await redeem(made.refreshToken)
  t.strictSame(targets(all), { aud: [NOTES, MAIL], scope: 'openid notes:read mail:send' })
  t.equal((await call('GET', '/me', all.body.access_token)).status, 401, 'it opens nothing of Signet')
  t.equal((await call('GET', '/oauth2/userinfo', all.body.access_token)).status, 200, 'but who it is of')
  const part = await redeem(made.refreshToken, [['resource', NOTES]])
  t.strictSame(targets(part), { aud: NOTES, scope: 'openid notes:read' })
  t.equal(part.body.scope, 'openid notes:read')
  const { jkt, headers } = await proof()
  const bound = await redeem(made.refreshToken, [], headers)
  t.match([bound.body.token_type, targets(bound)], ['DPoP', { cnf: { jkt } }])

  const { body: own } = await make({})
  t.match(await redeem(own.refreshToken, [['resource', NOTES]]), { status: 400, body: { error: 'invalid_target' } })
  const refusals = [
    { resource: 'https://x.example' },
    { resource: NOTES, scope: 'mail:send' },
    { resource: NOTES, scope: 'provider_token' },
    { scope: 'notes:read' }
  ]
  for (const more of refusals) {
    t.match(await make(more), { status: 400, body: { code: 'validation_failed' } }, JSON.stringify(more))
  }
})
