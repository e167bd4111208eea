import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { answerJson, answerRedirect } from '../fakes/answers.ts'
import { startHttpFake } from '../fakes/http-fake.ts'
import { setup } from '../helper.ts'
import { launchChromium } from './chromium.ts'

/** A page of an app. */
async function startApp (t: Test): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>The app</title>')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test("passport-facebook#128: Facebook's #_=_ ends at the callback, in a real browser", async (t) => {
  const facebook = await startHttpFake(({ path, query }) => {
    switch (path) {
      case '/dialog/oauth':
        return answerRedirect(`${query['redirect_uri']}?code=c&state=${query['state']}#_=_`)
      case '/token':
        return answerJson({ access_token: 'a', token_type: 'bearer' })
      case '/me':
        return answerJson({ id: '1', name: 'Jane Doe' })
    }
  })
  t.teardown(() => facebook.close())
  const app = await startApp(t)
  const { url } = await setup(t, {
    FACEBOOK_CLIENT_ID: 'id',
    FACEBOOK_CLIENT_SECRET: 'secret',
    FACEBOOK_AUTHORIZATION_URL: `${facebook.url}/dialog/oauth`,
    FACEBOOK_TOKEN_URL: `${facebook.url}/token`,
    FACEBOOK_API_URL: facebook.url,
    ALLOWED_ORIGINS: app
  })
  const page = await (await (await launchChromium(t)).newContext()).newPage()
  for (const returnTo of [`${app}/home`, `${app}/#/inbox`]) {
    await page.goto(`${url}/login/facebook?return_to=${encodeURIComponent(returnTo)}`)
    t.equal(await page.title(), 'The app')
    t.equal(page.url().replace(/#$/, ''), returnTo)
    t.equal(await page.evaluate('location.hash'), new URL(returnTo).hash)
  }
  await page.goto(`${url}/login/facebook`)
  t.match(page.url(), /#_=_$/, 'the browser does keep a fragment where nothing ends it')
})
