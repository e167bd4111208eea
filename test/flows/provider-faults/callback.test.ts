import t, { type Test } from 'tap'
import { createBrowser } from '../../fakes/browser.ts'
import { startFakeGitHub } from '../../fakes/github.ts'
import { startFakeOidc } from '../../fakes/oidc.ts'
import { setup } from '../../helper.ts'
import { grid } from '../../slow.ts'
import { CANARY, refused, rows } from '../failed-login.ts'
import { exchanges } from './world.ts'

/** What the browser brings back from a provider (SEC-11, SEC-12, SEC-89). */

t.test('what the browser brings back', async (t) => {
  const [github, acme] = await Promise.all([startFakeGitHub(), startFakeOidc()])
  t.teardown(() => Promise.all([github.close(), acme.close()]))
  const { url, sql } = await setup(t, {
    ...github.settings,
    ...acme.settings('acme'),
    ALLOWED_ORIGINS: 'https://app.example.com'
  })
  const MARKUP = `<script>alert('${CANARY}')</script>`
  let before = [0, 0, 0]
  const noExchange = async (t: Test) => {
    t.equal(exchanges(github) + exchanges(acme), 0, 'no exchange')
    t.same(await rows(sql), before)
  }
  t.beforeEach(async () => {
    before = await rows(sql)
    github.reset()
    acme.reset()
  })

  const errors: [string, number, string][] = [
    ['access_denied', 403, 'access_denied'],
    ['user_cancelled_login', 403, 'access_denied'],
    ['user_cancelled_authorize', 403, 'access_denied'],
    ['server_error', 502, 'provider_error'],
    ['temporarily_unavailable', 502, 'provider_error'],
    ['invalid_scope', 502, 'provider_error'],
    ['redirect_uri_mismatch', 502, 'provider_error'],
    ['login_required', 502, 'provider_error'],
    ['ACCESS_DENIED', 502, 'provider_error'],
    [MARKUP, 502, 'provider_error']
  ]
  for (const [error, status, code] of grid(errors, ([, , code]) => code)) {
    for (const [id, fake, name] of [
      ['github', github, 'GitHub'],
      ['acme', acme, 'acme']
    ] as const) {
      await t.test(`${id}: error=${error}`, async (t) => {
        fake.deny(error, MARKUP)
        const browser = createBrowser(url)
        refused(t, await browser.login(`/login/${id}`), status, code, new RegExp(name))
        t.same(browser.cookies(), [], 'the attempt is forgotten')
        const returned = new URL(
          (await browser.login(`/login/${id}?return_to=${encodeURIComponent('https://app.example.com/x')}`)).location ??
            ''
        )
        t.equal(returned.origin + returned.pathname, 'https://app.example.com/x')
        const redirected = error === 'temporarily_unavailable' ? error : status === 403 ? code : 'server_error'
        t.equal(returned.searchParams.get('error'), redirected)
        t.notMatch(decodeURIComponent(returned.search), new RegExp(`${CANARY}|<|alert`))
        await noExchange(t)
        fake.allow()
      })
    }
  }

  await t.test('an error beside a code is an error', async (t) => {
    for (const id of ['github', 'acme']) {
      const browser = createBrowser(url)
      const callback = await browser.authorize(await browser.start(`/login/${id}`))
      refused(t, await browser.callback(`${callback}&error=access_denied`), 403, 'access_denied', /declined/)
    }
    await noExchange(t)
  })

  const changes: Record<string, (callback: URL) => string> = {
    'no code': (callback) => {
      callback.searchParams.delete('code')
      return callback.href
    },
    'an empty code': (callback) => {
      callback.searchParams.set('code', '')
      return callback.href
    },
    'two codes': (callback) => `${callback.href}&code=2`,
    'the same code twice': (callback) => `${callback.href}&code=${callback.searchParams.get('code')}`,
    'a code as a list': (callback) => callback.href.replace('code=', 'code[]='),
    'a code as an object': (callback) => callback.href.replace('code=', 'code[a]='),
    'a code of 5 KB': (callback) => {
      callback.searchParams.set('code', 'x'.repeat(5 * 1024))
      return callback.href
    },
    'a code with CR and LF': (callback) => callback.href.replace('code=', 'code=a%0d%0aX-Evil:%201'),
    'a code with a NUL': (callback) => callback.href.replace('code=', 'code=%00'),
    'a code beyond ASCII': (callback) => callback.href.replace('code=', 'code=%C3%A9'),
    'two errors': (callback) => `${callback.href}&error=access_denied&error=server_error`,
    'an error of 5 KB': (callback) => `${callback.href}&error=${'x'.repeat(5 * 1024)}`
  }
  for (const [name, change] of Object.entries(changes)) {
    for (const id of ['github', 'acme']) {
      await t.test(`${id}: ${name}`, async (t) => {
        const browser = createBrowser(url)
        const callback = new URL(await browser.authorize(await browser.start(`/login/${id}`)))
        refused(t, await browser.callback(change(callback)), 400, 'invalid_request', /code|error/)
        await noExchange(t)
      })
    }
  }

  await t.test("a code that the provider never gave is the provider's to refuse", async (t) => {
    for (const [id, detail] of [
      ['github', /^GitHub: the token exchange failed/],
      ['acme', /^acme: the token exchange failed/]
    ] as const) {
      const browser = createBrowser(url)
      const callback = new URL(await browser.authorize(await browser.start(`/login/${id}`)))
      callback.searchParams.set('code', CANARY)
      refused(t, await browser.callback(callback.href), 502, 'provider_error', detail)
    }
    t.equal(exchanges(github) + exchanges(acme), 2)
    t.same(await rows(sql), [0, 0, 0])
  })
})
