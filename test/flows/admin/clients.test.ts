import t from 'tap'
import { SPA, WEB } from '../setup-with-clients.ts'
import { administration } from './world.ts'

const REDIRECT = 'https://my.example.com/callback'

t.test('clients are registered, changed and removed, at once and with an event each', async (t) => {
  const { ask, url, sql, admin, another } = await administration(t)
  const { address } = await another()
  const created = await ask('POST', '/admin/clients', {
    name: 'My app',
    type: 'confidential',
    redirectUris: [REDIRECT]
  })
  t.match(created, {
    status: 201,
    body: { name: 'My app', type: 'confidential', redirectUris: [REDIRECT], clientSecret: /^[\w-]{43}$/ }
  })
  t.same(created.body.postLogoutRedirectUris, [])
  const { clientSecret, ...client } = created.body
  t.same((await ask('GET', `/admin/clients/${client.clientId}`)).body, client, 'the secret is shown once')
  t.notOk(
    (await sql.query('SELECT clients::text AS row FROM clients')).rows[0].row.includes(clientSecret),
    'and only its hash is kept'
  )

  const asks = async (at: string, redirectUri = REDIRECT) => {
    const query = new URLSearchParams({
      client_id: client.clientId,
      redirect_uri: redirectUri,
      response_type: 'code',
      code_challenge: 'c'.repeat(43),
      code_challenge_method: 'S256',
      provider: 'github'
    })
    return (await fetch(`${at}/oauth2/authorize?${query}`, { redirect: 'manual' })).status
  }
  const introspects = async (secret: string) =>
    (
      await fetch(`${url}/oauth2/introspect`, {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${client.clientId}:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ token: 'x' })
      })
    ).status
  t.same([await asks(url), await asks(address), await introspects(clientSecret)], [302, 302, 200])

  t.match(
    await ask('PATCH', `/admin/clients/${client.clientId}`, { redirectUris: ['https://new.example.com/callback'] }),
    {
      status: 200,
      body: { name: 'My app', redirectUris: ['https://new.example.com/callback'] }
    }
  )
  t.same([await asks(url), await asks(address, 'https://new.example.com/callback')], [400, 302], 'on every instance')
  t.equal(
    (await fetch(`${url}/me`, { headers: { origin: 'https://new.example.com' } })).headers.get(
      'access-control-allow-origin'
    ),
    'https://new.example.com'
  )

  const { body: renewed } = await ask('POST', `/admin/clients/${client.clientId}/secret`)
  t.not(renewed.clientSecret, clientSecret)
  t.same([await introspects(clientSecret), await introspects(renewed.clientSecret)], [401, 200])

  t.equal((await ask('DELETE', `/admin/clients/${client.clientId}`)).status, 204)
  t.same([await asks(address), await introspects(renewed.clientSecret)], [400, 401])
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['PATCH', '', {}],
    ['DELETE', '', undefined],
    ['POST', '/secret', undefined]
  ] as const) {
    t.match(
      await ask(method, `/admin/clients/${client.clientId}${path}`, body),
      { status: 404, body: { code: 'not_found' } },
      method
    )
  }
  const { rows } = await sql.query(
    "SELECT type, client_id, actor_id FROM audit_events WHERE type LIKE 'client.%' ORDER BY id"
  )
  t.same(
    rows,
    ['client.created', 'client.updated', 'client.secret_rotated', 'client.deleted'].map((type) => ({
      type,
      client_id: client.clientId,
      actor_id: admin.user.id
    }))
  )
})

t.test('a public client has no secret, and mistakes are named', async (t) => {
  const { ask } = await administration(t)
  const { body: app } = await ask('POST', '/admin/clients', {
    name: 'App',
    redirectUris: ['com.example.app:/callback']
  })
  t.match(app, { type: 'public' })
  t.notOk('clientSecret' in app)
  t.match(await ask('POST', `/admin/clients/${app.clientId}/secret`), {
    status: 400,
    body: { code: 'invalid_request', detail: /public/ }
  })
  for (const uri of ['/callback', 'https://my.example.com/#top', 'not a uri', '', 'https://my.example.com/\u0000']) {
    t.match(
      await ask('POST', '/admin/clients', { name: 'x', redirectUris: [uri] }),
      { status: 400, body: { code: 'validation_failed' } },
      uri
    )
    t.match(
      await ask('PATCH', `/admin/clients/${app.clientId}`, { redirectUris: [uri] }),
      { status: 400, body: { code: 'validation_failed' } },
      uri
    )
  }
  for (const body of [
    {},
    { name: 'x' },
    { name: '', redirectUris: [REDIRECT] },
    { name: 'a\u0000', redirectUris: [REDIRECT] },
    { name: 'x', redirectUris: [] },
    { name: 'x', redirectUris: [REDIRECT], other: 1 }
  ]) {
    t.equal((await ask('POST', '/admin/clients', body)).status, 400, JSON.stringify(body))
  }
  t.equal((await ask('GET', '/admin/clients')).body.items.length, 1)
})

t.test('clients of the setting are listed last, and only read', async (t) => {
  const { ask, readAll, admin } = await administration(t, { CLIENTS: JSON.stringify([SPA, WEB]) })
  for (const name of ['one', 'two', 'three']) await ask('POST', '/admin/clients', { name, redirectUris: [REDIRECT] })
  t.same(
    (await readAll('/admin/clients', admin.access_token, 1)).map(({ name }) => name),
    ['three', 'two', 'one', SPA.name, WEB.name]
  )
  t.match((await ask('GET', '/admin/clients/web')).body, { clientId: 'web', type: 'confidential', createdAt: null })
  for (const [method, path] of [
    ['PATCH', ''],
    ['DELETE', ''],
    ['POST', '/secret']
  ] as const) {
    t.match(await ask(method, `/admin/clients/web${path}`, method === 'PATCH' ? { name: 'x' } : undefined), {
      status: 409,
      body: { code: 'client_from_settings' }
    })
  }
  for (const [method, path] of [['GET', ''], ['PATCH', ''], ['DELETE', ''], ['POST', '/secret']] as const) {
    const body = method === 'PATCH' ? { name: 'x' } : undefined
    const { status } = await ask(method, `/admin/clients/signet-docs${path}`, body)
    t.equal(status, 404, `${method} of the client of /docs, which is Signet's own`)
  }
})

t.test('a confidential client may go without PKCE, and back', async (t) => {
  const { ask } = await administration(t)
  const registration = { name: 'Old app', redirectUris: [REDIRECT], requirePkce: false }
  t.match(await ask('POST', '/admin/clients', registration), {
    status: 400,
    body: { code: 'validation_failed', detail: 'This client needs PKCE, as it has no client secret.' }
  })
  const { status, body } = await ask('POST', '/admin/clients', { ...registration, type: 'confidential' })
  t.match({ status, body }, { status: 201, body: { requirePkce: false } })
  const path = `/admin/clients/${body.clientId}`
  t.equal((await ask('PATCH', path, { name: 'App' })).body.requirePkce, false, 'what is not named stays')
  t.equal((await ask('PATCH', path, { requirePkce: true })).body.requirePkce, true)
  t.match((await ask('GET', path)).body, { name: 'App', requirePkce: true })
  t.equal((await ask('PATCH', path, { requirePkce: null })).status, 400)
})
