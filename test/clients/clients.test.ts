import t from 'tap'
import {
  authenticateClient,
  type BodyCredentials,
  createClients,
  hashClientSecret,
  resolveClient
} from '../../src/clients/clients.ts'
import { hashDeviceCode, newDeviceCode, newUserCode, readUserCode, formatUserCode } from '../../src/device/codes.ts'

const SECRET = 'a secret: with + colons & spaces'
const asked: string[] = []
const clients = createClients(
  [
    { client_id: 'spa', name: 'SPA', redirect_uris: ['https://spa/cb'] },
    {
      client_id: 'web',
      name: 'Web',
      redirect_uris: ['https://web/cb'],
      post_logout_redirect_uris: ['https://web/bye'],
      client_secret: SECRET
    },
    { client_id: 'a b', name: 'Odd', redirect_uris: [], client_secret: SECRET }
  ] as never,
  {
    find: async (clientId) => {
      asked.push(clientId)
      return clientId === 'db' ? ({ clientId } as never) : undefined
    },
    wantsRs256: async () => false
  }
)

const request = (authorization?: string) => ({ headers: { authorization } }) as never
const form = (part: string) => encodeURIComponent(part).replaceAll('%20', '+')
const basic = (id: string, secret: string) =>
  request(`Basic ${Buffer.from(`${form(id)}:${form(secret)}`).toString('base64')}`)
/** As most people's `user:password` is: not encoded. */
const raw = (id: string, secret: string) => request(`Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`)

t.test('clients are those of the settings, then those of the database', async (t) => {
  t.same([...clients.configured.keys()], ['spa', 'web', 'a b'])
  t.same(await clients.find('spa'), {
    clientId: 'spa',
    name: 'SPA',
    redirectUris: ['https://spa/cb'],
    postLogoutRedirectUris: [],
    secretHash: undefined,
    metadata: {}
  })
  t.same(await clients.find('web'), {
    clientId: 'web',
    name: 'Web',
    redirectUris: ['https://web/cb'],
    postLogoutRedirectUris: ['https://web/bye'],
    secretHash: hashClientSecret(SECRET),
    metadata: {}
  })
  t.same(asked, [])
  t.match(await clients.find('db'), { clientId: 'db' })
  for (const rubbish of ['', 'a\0', 'two words', ' x', 'x ', 'x'.repeat(201)]) {
    t.equal(await clients.find(rubbish), undefined)
  }
  t.same(asked, ['db'], 'what is no id does not reach the database')
  await clients.find('x'.repeat(200))
  t.equal(asked.length, 2)
})

t.test('a client proves itself in the header or in the body', async (t) => {
  const id = async (from: ReturnType<typeof request>, body: BodyCredentials) =>
    (await authenticateClient(clients, from, body))?.clientId
  t.equal(await id(request(), {}), undefined)
  t.equal(await id(request('Bearer x'), {}), undefined)
  t.equal(await id(request(), { client_id: 'spa' }), 'spa')
  t.equal(await id(basic('spa', ''), {}), 'spa', 'an empty secret is none')
  t.equal(await id(request(), { client_id: 'web', client_secret: SECRET }), 'web')
  t.equal(await id(basic('web', SECRET), {}), 'web')
  t.equal(await id(basic('web', SECRET), { client_id: 'web' }), 'web')
  t.equal(await id(basic('a b', SECRET), {}), 'a b', 'both halves are form-encoded')
  t.equal(await id(request(`basic   ${Buffer.from(`web:${form(SECRET)}`).toString('base64')}`), {}), 'web')
  const refused: [ReturnType<typeof request>, object, string, RegExp][] = [
    [basic('web', SECRET), { client_secret: SECRET }, 'invalid_request', /not in both/],
    [basic('web', SECRET), { client_id: 'spa' }, 'invalid_request', /two clients/],
    [request(), { client_secret: SECRET }, 'invalid_client', /client_id is missing/],
    [request(), { client_id: 'nobody' }, 'invalid_client', /no such client/],
    [request(), { client_id: 'web' }, 'invalid_client', /missing or wrong/],
    [request(), { client_id: 'web', client_secret: 'wrong' }, 'invalid_client', /missing or wrong/],
    [request(), { client_id: 'spa', client_secret: 'any' }, 'invalid_client', /is public/],
    [basic('web', ''), {}, 'invalid_client', /missing or wrong/],
    [raw('web', `${SECRET}x`), {}, 'invalid_client', /missing or wrong/],
    [raw('web', '%'), {}, 'invalid_client', /missing or wrong/],
    [raw('%', SECRET), {}, 'invalid_client', /no such client/],
    [raw('spa', '%41'), {}, 'invalid_client', /is public/],
    [raw('web', SECRET), { client_id: 'w%65b' }, 'invalid_request', /two clients/],
    [request(`Basic ${Buffer.from('no colon').toString('base64')}`), {}, 'invalid_client', /cannot be read/]
  ]
  for (const [from, body, error, message] of refused) {
    await t.rejects(authenticateClient(clients, from, body), { error, message }, String(message))
  }
  t.equal(await id(request(`x Basic ${Buffer.from('web:x').toString('base64')}`), {}), undefined)
  t.equal(await id(request(`Basic ${Buffer.from('web:x').toString('base64')} x`), {}), undefined)
})

t.test('a secret works in Basic as it is and as RFC 6749 encodes it, whatever is in it', async (t) => {
  const secrets = ['a+b/c=d%e', '100%', '%41', '%2B', 'a%zz', '++', '100% sure+', 'ä+%C3%A4', ':%3A', 'a&b', SECRET]
  for (const secret of secrets) {
    const client = { client_id: 'odd %id+', name: 'Odd', redirect_uris: [], client_secret: secret }
    const one = createClients([client] as never, { find: async () => undefined, wantsRs256: async () => false })
    const works = async (from: ReturnType<typeof request>) =>
      await authenticateClient(one, from, {}).then((client) => client?.clientId, () => undefined)
    t.equal(await works(raw('odd %id+', secret)), 'odd %id+', `${secret} as it is`)
    t.equal(await works(basic('odd %id+', secret)), 'odd %id+', `${secret} encoded`)
    t.equal(await works(raw('odd %id+', form(secret))), 'odd %id+', `${secret} encoded, the id not`)
    for (const other of [`${secret}x`, form(form(secret)), secret.slice(1)].filter((text) => text !== form(secret))) {
      if (form(other) === form(secret) || other === secret) continue
      t.equal(await works(raw('odd %id+', other)), undefined, `${other} is not ${secret}`)
    }
  }
})

t.test("Signet's own client proves nothing, and must not try", async (t) => {
  t.equal((await resolveClient(clients, request(), { client_id: 'signet' }))?.clientId, 'signet')
  t.equal(await resolveClient(clients, request(), {}), undefined)
  t.equal((await resolveClient(clients, request(), { client_id: 'spa' }))?.clientId, 'spa')
  await t.rejects(resolveClient(clients, request(), { client_id: 'signet', client_secret: 'x' }), {
    name: 'OAuthError',
    error: 'invalid_client'
  })
})

t.test('a code to type: eight consonants, in whatever way people write them', async (t) => {
  const code = newUserCode()
  t.match(code, /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/)
  t.not(newUserCode(), code)
  t.equal(formatUserCode('BCDFGHJK'), 'BCDF-GHJK')
  for (const typed of ['BCDFGHJK', 'bcdf-ghjk', ' b c d f  g-h-j-k ', `BCDFGHJK${' '.repeat(32)}`]) {
    t.equal(readUserCode(typed), 'BCDFGHJK', typed)
  }
  for (const typed of [
    undefined,
    5,
    '',
    'BCDFGHJ',
    'BCDFGHJKL',
    'ABCDFGHJ',
    'BCDFGHJ1',
    'xBCDFGHJK',
    `BCDFGHJK${' '.repeat(33)}`
  ]) { t.equal(readUserCode(typed), undefined, String(typed)) }
})

t.test("a device's own code is long, and kept as a hash", async (t) => {
  const code = newDeviceCode()
  t.match(code, /^[\w-]{43}$/)
  t.equal(hashDeviceCode('abc').toString('hex'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})
