import type { AddressInfo } from 'node:net'
import express from 'express'
import openid from 'express-openid-connect'
import t from 'tap'
import { freePort } from '../free-port.ts'
import { createBrowser } from '../fakes/browser.ts'
import { newSecret, startWorld } from './world.ts'

const port = await freePort()
const app = `http://localhost:${port}`
const CLIENT = {
  client_id: 'express',
  name: 'The Express app',
  redirect_uris: [`${app}/callback`],
  post_logout_redirect_uris: [app],
  client_secret: newSecret()
}

t.test('express-openid-connect signs in by form_post and reads who it is', async (t) => {
  const { url } = await startWorld(t, [CLIENT])
  const server = express()
    .use(openid.auth({
      issuerBaseURL: url,
      baseURL: app,
      clientID: CLIENT.client_id,
      clientSecret: CLIENT.client_secret,
      secret: 'a secret of the Express app itself',
      idTokenSigningAlg: 'ES256',
      authorizationParams: {
        response_type: 'code',
        response_mode: 'form_post',
        scope: 'openid profile',
        provider: 'github'
      }
    }))
    .get('/', (request, response) => { response.json(request.oidc.user) })
    .listen(port)
  t.teardown(() => { server.close().closeAllConnections() })
  await new Promise((resolve) => server.once('listening', resolve))
  t.equal((server.address() as AddressInfo).port, port)

  const cookies = new Map<string, string>()
  /** A request of the browser to the app, with its cookies. */
  async function visit (path: string, body?: URLSearchParams) {
    const response = await fetch(app + path, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(body === undefined ? {} : { method: 'POST', body })
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }

  const start = (await visit('/')).headers.get('location') ?? ''
  t.equal(new URL(start).searchParams.get('response_mode'), 'form_post')
  const { text } = await createBrowser(url).login(start)
  t.match(text, `<form method="post" action="${app}/callback">`)
  const fields = [...text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
    .map(([, name = '', value = '']): [string, string] => [name, value.replaceAll('&amp;', '&')])
  const back = await visit('/callback', new URLSearchParams(fields))
  t.match([back.status, back.headers.get('location')], [302, '/'])
  const home = await visit('/')
  t.match(await home.json(), { name: 'The Octocat', sub: /./ })
})
