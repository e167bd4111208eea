import { createHmac, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { SignJWT, exportJWK, type JWTPayload } from 'jose'
import { answerJson } from '../../fakes/answers.ts'
import { bearerToken, type Call } from '../../fakes/calls.ts'
import { startHttpFake } from '../../fakes/http-fake.ts'
import type { OAuthSpec } from '../../fakes/oauth.ts'
import { createProviders } from '../../../src/providers/registry.ts'
import { readSettings } from '../../../src/settings.ts'
import { emailWords } from './email-words.ts'
import { unusable } from './fault-grid.ts'
import { plainLogin } from './plain-login.ts'

/** As with "Require App Secret" switched on. */
const hasProof = (call: Call) =>
  call.query['appsecret_proof'] ===
  createHmac('sha256', 'facebook-fake-client-secret')
    .update(bearerToken(call) ?? '')
    .digest('hex')

const SPEC: OAuthSpec = {
  id: 'facebook',
  paths: { authorize: '/v23.0/dialog/oauth', token: '/v23.0/oauth/access_token', api: '/v23.0' },
  authentication: 'client_secret_post',
  routes: {
    'GET /me' ({ person }, call) {
      const error = {
        message: 'Invalid appsecret_proof provided in the API argument',
        type: 'GraphMethodException',
        code: 100,
        fbtrace_id: 'A1b2'
      }
      if (!hasProof(call)) return answerJson({ error }, { status: 400 })
      // What could be taken for a word on the email (Facebook has none) comes unasked, so that a test can see that it
      // is not believed.
      const fields = [
        'email_verified',
        'verified',
        ...String(call.query['fields'])
          .split(',')
          .map((field) => field.replace(/\.\w+\(\w+\)$/, ''))
      ]
      return answerJson(Object.fromEntries(Object.entries(person).filter(([name]) => fields.includes(name))))
    }
  },
  tokenAnswer: () => ({ expires_in: 5183944, refresh_token: undefined, scope: undefined }),
  tokenError: () =>
    answerJson(
      {
        error: {
          message: 'This authorization code has been used.',
          type: 'OAuthException',
          code: 100,
          error_subcode: 36009,
          fbtrace_id: 'A1b2'
        }
      },
      { status: 400 }
    ),
  person: {
    id: '10152368852405295',
    name: 'Jane Doe',
    email: 'Jane@Example.com',
    picture: {
      data: {
        height: 320,
        is_silhouette: false,
        url: 'https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=10152368852405295&height=320',
        width: 320
      }
    }
  }
}

t.test('Facebook', async (t) => {
  const world = await plainLogin(t, {
    spec: SPEC,
    name: 'Facebook',
    profile: {
      subject: '10152368852405295',
      username: null,
      email: 'jane@example.com',
      name: 'Jane Doe',
      avatarUrl: 'https://platform-lookaside.fbsbx.com/platform/profilepic/?asid=10152368852405295&height=320',
      scope: 'public_profile email'
    },
    steps: [{ step: 'profile', path: '/me' }],
    withoutSubject: unusable('id')
  })
  const { fake, signIn } = world

  await t.test('no word on an email is believed', async (t) => {
    await emailWords(
      t,
      world,
      { subject: 'id', email: 'email' },
      [{}, { email_verified: true }, { verified: true }].map((word) => [word, false])
    )
  })

  await t.test('people without an email, and without a picture of their own', async (t) => {
    const silhouette = { data: { is_silhouette: true, url: 'https://scontent.example/silhouette.png' } }
    for (const [id, picture] of [
      ['21', silhouette],
      ['22', undefined],
      ['23', {}],
      ['24', { data: { url: 'http://insecure.example/x' } }]
    ] as const) {
      fake.person({ id, email: undefined, picture })
      t.match(await signIn(), {
        email: null,
        avatarUrl: null,
        accounts: [{ subject: id, email: null, emailVerified: false }]
      })
    }
  })
})

t.test('an ID token of Limited Login', async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = await startHttpFake(async () =>
    answerJson({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] })
  )
  t.teardown(() => keys.close())
  const sign = async (claims: JWTPayload, key = privateKey) =>
    await new SignJWT({
      iss: 'https://www.facebook.com',
      aud: '110',
      sub: '10152368852405295',
      nonce: 'the-nonce',
      jti: 'x',
      name: 'Jane Doe',
      email: 'Jane@Example.com',
      email_verified: true,
      ...claims
    })
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(key)
  const create = (more: Record<string, string>) =>
    createProviders(
      readSettings({ FACEBOOK_CLIENT_ID: '110', FACEBOOK_CLIENT_SECRET: 'a-secret', ...more }).providers
    ).get('facebook')
  const facebook = create({ FACEBOOK_JWKS_URL: `${keys.url}/jwks`, FACEBOOK_NATIVE_CLIENT_IDS: '111' })

  await t.test('signs in to the account of the web, its email never believed', async (t) => {
    t.match((await facebook?.identifyNative?.(await sign({}), 'the-nonce'))?.profile, {
      provider: 'facebook',
      issuer: 'https://www.facebook.com',
      subject: '10152368852405295',
      name: 'Jane Doe',
      email: 'jane@example.com',
      emailVerified: false
    })
    await t.resolves(facebook?.identifyNative?.(await sign({ aud: '111' }), 'the-nonce') as Promise<unknown>)
    const moved = create({
      FACEBOOK_JWKS_URL: `${keys.url}/jwks`,
      FACEBOOK_AUTHORIZATION_URL: 'https://proxy.example/dialog/oauth',
      FACEBOOK_ISSUER: 'https://issuer.example'
    })
    t.match((await moved?.identifyNative?.(await sign({ iss: 'https://issuer.example' }), 'the-nonce'))?.profile, {
      issuer: 'https://proxy.example',
      subject: '10152368852405295'
    })
  })

  await t.test("is refused when it is another app's, another issuer's, another login's, or forged", async (t) => {
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    for (const [token, nonce] of [
      [await sign({ aud: '112' }), 'the-nonce'],
      [await sign({ iss: 'https://facebook.com' }), 'the-nonce'],
      [await sign({}), 'another'],
      [await sign({}), undefined],
      [await sign({}, stranger), 'the-nonce'],
      [await sign({ sub: '0' }), 'the-nonce']
    ] as const) {
      await t.rejects(facebook?.identifyNative?.(token, nonce) as Promise<unknown>, {
        code: 'invalid_id_token',
        message: /^Facebook: /
      })
    }
  })

  await t.test('is refused where Facebook was moved and the address of its keys is not set', async (t) => {
    for (const name of ['AUTHORIZATION_URL', 'TOKEN_URL', 'API_URL', 'ISSUER']) {
      t.equal(create({ [`FACEBOOK_${name}`]: 'https://proxy.example' })?.identifyNative, undefined, name)
    }
    t.type(create({})?.identifyNative, 'function')
  })
})
