import t, { type Test } from 'tap'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { readJson, setup } from '../../helper.ts'
import { slow } from '../../slow.ts'
import { AS_WEB, basic, setupWithClients } from '../setup-with-clients.ts'

// A minute allows 100 failed calls of the endpoints where clients authenticate, from one address, and no work after
// that.

const LIMIT = 100

slow.test('wanted: a full audit trail, by token exchanges that need no client', async (t) => {
  const fake = await startFakeOidc()
  t.teardown(() => fake.close())
  const { url, sql } = await setup(t, { ...fake.googleSettings(), RATE_LIMITS: 'on' })
  const exchange = async () => {
    const response = await fetch(`${url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
        subject_token: 'a.b.c',
        client_id: 'signet',
        provider: 'google'
      })
    })
    return { status: response.status, wait: response.headers.get('retry-after'), body: await readJson(response) }
  }
  const answers = await Promise.all(Array.from({ length: 400 }, exchange))
  for (let call = 0; call < 600; call++) answers.push(await exchange())
  t.ok(answers.filter(({ status }) => status === 429).length >= 1000 - LIMIT)
  t.match(answers.at(-1), { status: 429, wait: /^[1-9]\d?$/, body: { error: 'temporarily_unavailable' } })
  const { rows: [{ count }] } = await sql.query('SELECT count(*)::int FROM audit_events')
  t.ok(count <= LIMIT, `${count} audit events`)
})

/** A guess at the secret of a client, or the right one, at each endpoint where a client may prove itself with it. */
async function endpoints (t: Test) {
  const { url, post } = await setupWithClients(t, { RATE_LIMITS: 'on', TRUST_PROXY: '127.0.0.1' })
  const from = (address: string) => ({ 'x-forwarded-for': address })
  type Guess = (secret: string, address: string) => Promise<{ status: number, headers: Headers }>
  const at =
    (path: string, form: object): Guess =>
      (secret, address) =>
        post(path, { ...form, client_id: AS_WEB.client_id, client_secret: secret }, from(address))
  const guesses: Record<string, Guess> = {
    'the token endpoint': at('/oauth2/token', { grant_type: 'authorization_code', code: 'x' }),
    'device authorization': at('/oauth2/device_authorization', {}),
    introspection: at('/oauth2/introspect', { token: 'x' }),
    revocation: at('/oauth2/revoke', { token: 'x' }),
    'the list of revocations': (secret, address) =>
      fetch(`${url}/revocations`, { headers: { ...basic(secret), ...from(address) } })
  }
  return guesses
}

slow.test('wanted: the secret of a client, by guessing', async (t) => {
  const guesses = await endpoints(t)
  let address = 0
  for (const [name, guess] of Object.entries(guesses)) {
    const attacker = `198.51.100.${++address}`
    for (let call = 0; call < LIMIT; call++) t.equal((await guess(`guess ${call}`, attacker)).status, 401, name)
    const late = await guess(AS_WEB.client_secret, attacker)
    t.equal(late.status, 429, `${name}: the right secret has the same answer as a wrong one after the limit`)
    t.match(late.headers.get('retry-after'), /^[1-9]\d?$/, name)
    t.not((await guess(AS_WEB.client_secret, '203.0.113.1')).status, 429, `${name}: another address is served`)
    for (const [other, next] of Object.entries(guesses)) {
      t.equal((await next(AS_WEB.client_secret, attacker)).status, 429, `${other} counts what ${name} has seen`)
    }
  }
})

t.test('wanted: the code that another device shows, by many guesses at the same time', async (t) => {
  const { url, origin } = await setupWithClients(t, { RATE_LIMITS: 'on' })
  const guess = async () =>
    (
      await fetch(`${url}/device`, {
        method: 'POST',
        headers: { origin },
        body: new URLSearchParams({ user_code: 'BCDF-GHJK' })
      })
    ).status
  const statuses = await Promise.all(Array.from({ length: 60 }, guess))
  t.equal(statuses.filter((status) => status === 400).length, 10)
  t.equal(statuses.filter((status) => status === 429).length, 50)
})

t.test('a person who types the right device code again and again is not stopped', async (t) => {
  const { url, origin, post } = await setupWithClients(t, { RATE_LIMITS: 'on' })
  const { body } = await post('/oauth2/device_authorization', { client_id: 'signet' })
  for (let turn = 0; turn < 15; turn++) {
    const response = await fetch(`${url}/device`, {
      method: 'POST',
      headers: { origin },
      body: new URLSearchParams({ user_code: body.user_code })
    })
    t.equal(response.status, 200)
  }
})
