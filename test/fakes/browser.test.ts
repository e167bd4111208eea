import t, { type Test } from 'tap'
import { answerEmpty, answerJson, answerRedirect } from './answers.ts'
import { createBrowser } from './browser.ts'
import { parameter } from './calls.ts'
import { startFakeGitHub } from './github.ts'
import { startHttpFake, type Handler } from './http-fake.ts'

async function setup (t: Test, handler: Handler) {
  const server = await startHttpFake(handler)
  t.teardown(server.close)
  return { server, browser: createBrowser(server.url) }
}

/** A server that sets the cookie lines it is asked for. */
const setsCookies: Handler = ({ query }) => ({
  ...answerEmpty(204),
  headers: { 'set-cookie': [query['line'] ?? []].flat() }
})
const asking = (line: string, path = '/') => `${path}?${new URLSearchParams({ line })}`

t.test('goes through a login, in one go and step by step', async (t) => {
  const github = await startFakeGitHub()
  t.teardown(github.close)
  const { server, browser } = await setup(t, (call) => {
    const login = { client_id: github.clientId, redirect_uri: `${server.url}/callback`, state: 'the-state' }
    if (call.path === '/login') {
      const answer = answerRedirect(github.settings['GITHUB_AUTHORIZATION_URL'] ?? '', login)
      return { ...answer, headers: { ...answer.headers, 'set-cookie': 'attempt=1; Path=/; HttpOnly' } }
    }
    if (call.path === '/callback') {
      return answerJson({ cookie: call.headers.cookie, state: parameter(call.query, 'state') })
    }
    return undefined
  })
  const response = await browser.login('/login')
  t.equal(response.status, 200)
  t.strictSame(response.json(), { cookie: 'attempt=1', state: 'the-state' })
  t.equal(response.locations.length, 2)
  t.ok(response.locations[0]?.startsWith(`${github.url}/login/oauth/authorize?`))
  t.ok(response.locations[1]?.startsWith(`${server.url}/callback?`))
  t.equal(github.calls()[0]?.headers.cookie, undefined, 'cookies stay with their server')

  const authorizationUrl = await browser.start('/login')
  const callbackUrl = await browser.authorize(authorizationUrl)
  t.equal((await browser.callback(callbackUrl)).status, 200)
  await t.rejects(browser.start('/nowhere'), { message: /Expected a redirect from .*\/nowhere, but it answered 404/ })
})

t.test('keeps cookies by name, host and path', async (t) => {
  const { server, browser } = await setup(t, setsCookies)
  await browser.get(asking('a=1; Path=/; HttpOnly; SameSite=Lax; Max-Age=60'))
  await browser.get(asking('a=2; Path=/deep'))
  await browser.get(asking('b=3', '/deep/er'))
  const sent = async (path: string) => {
    await browser.get(path)
    return server.calls().at(-1)?.headers.cookie
  }
  t.equal(await sent('/'), 'a=1')
  t.equal(await sent('/deeper'), 'a=1')
  t.equal(await sent('/deep/x'), 'a=2; b=3; a=1')
  t.equal(browser.cookieHeaderSize('/deep'), 'a=2; b=3; a=1'.length)
  t.match(
    browser.cookies().find(({ value }) => value === '1'),
    { name: 'a', host: new URL(server.url).host, path: '/', httpOnly: true, sameSite: 'Lax', secure: false }
  )
  browser.clearCookies()
  browser.plantCookie('c=4')
  t.equal(await sent('/'), 'c=4')
})

t.test('deletes cookies by Max-Age and Expires, under their own path', async (t) => {
  const { browser } = await setup(t, setsCookies)
  const names = () =>
    browser
      .cookies()
      .map(({ name }) => name)
      .join()
  await browser.get(asking('a=1; Path=/'))
  await browser.get(asking('b=1; Path=/'))
  await browser.get(asking('a=; Path=/other; Max-Age=0'))
  t.equal(names(), 'a,b')
  await browser.get(asking('a=; Path=/; Max-Age=0; Expires=Fri, 31 Dec 9999 23:59:59 GMT'))
  t.equal(names(), 'b')
  await browser.get(asking('b=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT'))
  t.equal(names(), '')
})

t.test('refuses what a browser refuses', async (t) => {
  const { browser } = await setup(t, setsCookies)
  const isKept = async (line: string) => {
    browser.clearCookies()
    await browser.get(asking(line))
    return browser.cookies().length === 1
  }
  t.ok(await isKept('a=1; Secure'), 'this machine counts as secure')
  t.notOk(await isKept('__Host-a=1; Secure; Path=/'), 'but not for __Host-')
  t.notOk(await isKept('a=1; Domain=example.com'))
  t.notOk(await isKept(`a=${'x'.repeat(4096)}`))
  t.ok(await isKept(`a=${'x'.repeat(4095)}`))
})

t.test('follows redirects on request', async (t) => {
  const { server, browser } = await setup(t, (call) => {
    if (call.path === '/one') return { ...answerEmpty(303), headers: { location: '/two' } }
    if (call.path === '/repeat') return { ...answerEmpty(307), headers: { location: '/two' } }
    if (call.path === '/loop') return { ...answerEmpty(302), headers: { location: '/loop' } }
    return call.path === '/two' ? answerJson({ method: call.method, body: call.body ?? null }) : undefined
  })
  const stopped = await browser.get('/one')
  t.match(stopped, { status: 303, location: `${server.url}/two` })
  t.throws(() => stopped.json(), /is not JSON/)
  const followed = await browser.post('/one', { follow: true, form: { a: '1' } })
  t.strictSame(followed.json(), { method: 'GET', body: null })
  t.match(followed, { url: `${server.url}/two`, locations: [`${server.url}/two`] })
  t.strictSame((await browser.post('/repeat', { follow: true, json: { a: 1 } })).json(), {
    method: 'POST',
    body: { a: 1 }
  })
  await t.rejects(browser.get('/loop', { follow: true }), { message: /Too many redirects/ })
})

t.test('sends forms, JSON and headers', async (t) => {
  const { server, browser } = await setup(t, () => answerEmpty(204))
  await browser.post('/', { form: { a: 'b c' } })
  await browser.request('PATCH', '/', { json: [1], headers: { origin: 'http://app.example' } })
  t.match(server.calls(), [
    { method: 'POST', body: { a: 'b c' } },
    { method: 'PATCH', body: [1], headers: { origin: 'http://app.example' } }
  ])
})
