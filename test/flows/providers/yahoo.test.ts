import t from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { setup } from '../../helper.ts'
import { refused, rows } from '../failed-login.ts'
import { stepsThatFail } from './steps-that-fail.ts'

/** Claims and places after https://developer.yahoo.com/oauth2/guide/openid_connect/ and Yahoo's discovery document. */
const PERSON = {
  sub: 'JANEGUID2EXAMPLE7KYEXAMPLE',
  name: 'Jane Doe',
  given_name: 'Jane',
  family_name: 'Doe',
  nickname: 'Jane',
  locale: 'en-US',
  email: 'jane@yahoo.example',
  email_verified: true,
  picture: 'https://s.yimg.com/ag/images/default_user_profile_pic_192sq.jpg',
  profile_images: { image192: 'https://s.yimg.com/ag/images/default_user_profile_pic_192sq.jpg' }
}

t.test('Yahoo', async (t) => {
  const fake = await startFakeOidc({ clientId: 'yahoo-client', clientSecret: 'yahoo-fake-client-secret' })
  t.teardown(() => fake.close())
  fake.discovery({
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    code_challenge_methods_supported: undefined
  })
  const running = await setup(t, {
    YAHOO_CLIENT_ID: fake.clientId,
    YAHOO_CLIENT_SECRET: fake.clientSecret,
    YAHOO_ISSUER: fake.issuer
  })
  const { url, sql } = running

  await t.test('the grid of faults', async (t) => {
    await stepsThatFail(t, {
      id: 'yahoo',
      name: 'Yahoo',
      fake,
      login: (browser) => browser.login('/login/yahoo'),
      running
    })
    const before = await rows(sql)
    fake.deny()
    refused(t, await createBrowser(url).login('/login/yahoo'), 403, 'access_denied', /declined/)
    fake.allow()
    t.same(await rows(sql), before)
  })

  const login = () => createBrowser(url).login('/login/yahoo')

  await t.test('a login takes the subject from the ID token and the profile from the user info', async (t) => {
    fake.person(PERSON, { idToken: ['email', 'email_verified'] })
    fake.reset()
    await sql.query('DELETE FROM users')
    const response = await login()
    const { user } = response.json()
    t.match(
      [response.status, user.accounts],
      [
        200,
        [
          {
            provider: 'yahoo',
            subject: PERSON.sub,
            username: null,
            email: PERSON.email,
            emailVerified: false,
            name: 'Jane Doe',
            avatarUrl: PERSON.picture,
            scope: 'openid profile email'
          }
        ]
      ]
    )
    t.match(user, { name: 'Jane Doe', avatarUrl: PERSON.picture, locale: 'en-US', email: null, emailVerified: false })
    t.match(fake.calls(fake.paths.authorize)[0]?.query, {
      response_type: 'code',
      scope: 'openid profile email',
      nonce: /.{16}/,
      code_challenge_method: 'S256'
    })
    t.match(
      fake.calls(fake.paths.token).map(({ headers }) => headers.authorization),
      [/^Basic /]
    )
    t.equal(fake.calls(fake.paths.token).length, 1, 'one exchange')
    t.same((await sql.query('SELECT DISTINCT issuer FROM accounts')).rows, [{ issuer: fake.issuer }])
    t.same(fake.unexpected(), [])
  })

  await t.test('its word on an email is never enough to join a user', async (t) => {
    for (const word of [true, 'true', 1]) {
      fake.person({ ...PERSON, sub: `GUID.${word}`, email_verified: word })
      const { user } = (await login()).json()
      t.match(
        [user.email, user.emailVerified, user.accounts.length, user.accounts[0].emailVerified],
        [null, false, 1, false]
      )
    }
  })

  await t.test('a nonce, an audience, an issuer or a signature that is wrong is refused', async (t) => {
    for (const script of [
      { claims: { nonce: 'other' } },
      { claims: { aud: 'other' } },
      { claims: { iss: 'https://api.login.yahoo.com' } },
      { sign: 'wrong-key' as const }
    ]) {
      fake.idToken(script)
      const response = await login()
      t.match([response.status, response.json().code], [502, 'invalid_id_token'], JSON.stringify(script))
    }
    fake.idToken({})
  })

  await t.test('a failing user info fails the login, by name', async (t) => {
    fake.fault(fake.paths.userinfo, { kind: 'status', status: 500, body: { error: 'canary' } }, { times: 1 })
    const response = await login()
    t.match(
      [response.status, response.json()],
      [502, { code: 'provider_error', detail: 'Yahoo: the user info failed: HTTP 500.' }]
    )
    t.equal((await login()).status, 200)
  })
})
