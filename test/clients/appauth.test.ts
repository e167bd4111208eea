import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AuthorizationRequest } from '@openid/appauth/built/src/authorization_request.js'
import type { AuthorizationError, AuthorizationResponse } from '@openid/appauth/built/src/authorization_response.js'
import type { AuthorizationRequestHandler } from '@openid/appauth/built/src/authorization_request_handler.js'
import type {
  AuthorizationServiceConfiguration
} from '@openid/appauth/built/src/authorization_service_configuration.js'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { createBrowser } from '../fakes/browser.ts'
import { freePort } from '../free-port.ts'
import { loadAppAuth } from './appauth.ts'
import { failure, startWorld } from './world.ts'

const NATIVE = {
  client_id: 'native',
  name: 'The native app',
  redirect_uris: ['http://127.0.0.1/callback', 'com.example.app:/callback']
}

const appAuth = await loadAppAuth()
const { AuthorizationNotifier, BaseTokenRequestHandler, NodeBasedHandler, NodeCrypto, NodeRequestor } = appAuth

interface Outcome {
  request: AuthorizationRequest
  response: AuthorizationResponse | null
  error: AuthorizationError | null
}

async function world (t: Test) {
  const running = await startWorld(t, [NATIVE])
  const { url } = running
  const requestor = new NodeRequestor()
  const tokenHandler = new BaseTokenRequestHandler(requestor)
  const configuration = await appAuth.AuthorizationServiceConfiguration.fetchFromIssuer(url, requestor)

  /** Runs a request through a handler, until its notifier tells what came of it. */
  async function perform (handler: AuthorizationRequestHandler, redirectUri: string): Promise<Outcome> {
    const request = new appAuth.AuthorizationRequest(
      {
        response_type: 'code',
        client_id: 'native',
        redirect_uri: redirectUri,
        scope: 'openid profile email offline_access',
        extras: { provider: 'github' }
      },
      new NodeCrypto()
    )
    return await new Promise((resolve) => {
      const notifier = new AuthorizationNotifier()
      notifier.setAuthorizationListener((request, response, error) => resolve({ request, response, error }))
      handler.setAuthorizationNotifier(notifier)
      handler.performAuthorizationRequest(configuration, request)
    })
  }

  const ask = (parameters: Omit<ConstructorParameters<typeof appAuth.TokenRequest>[0], 'client_id'>) =>
    tokenHandler.performTokenRequest(configuration, new appAuth.TokenRequest({ client_id: 'native', ...parameters }))

  const exchange = ({ request, response }: Outcome, more: Record<string, string> = {}) =>
    ask({
      grant_type: appAuth.GRANT_TYPE_AUTHORIZATION_CODE,
      redirect_uri: request.redirectUri,
      code: response?.code ?? '',
      extras: { code_verifier: request.internal?.['code_verifier'] ?? '', ...more }
    })

  const refresh = (redirectUri: string, refreshToken = '') =>
    ask({ grant_type: appAuth.GRANT_TYPE_REFRESH_TOKEN, redirect_uri: redirectUri, refresh_token: refreshToken })

  const revoke = (token = '') =>
    tokenHandler.performRevokeTokenRequest(
      configuration,
      new appAuth.RevokeTokenRequest({ token, token_type_hint: 'refresh_token', client_id: 'native' })
    )

  /** What an app does with a code, all of it with the library. */
  async function live (outcome: Outcome): Promise<void> {
    const { request: { redirectUri } } = outcome
    const tokens = await exchange(outcome)
    t.match(tokens.toJson(), { token_type: 'Bearer', expires_in: '900', scope: 'openid profile email offline_access' })
    t.ok(tokens.isValid())
    const jwks = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))
    const { payload } = await jwtVerify(tokens.idToken ?? '', jwks, { issuer: url, audience: 'native' })
    t.match(payload, { name: 'The Octocat', email: 'octocat@github.com' })
    const userInfo = await requestor.xhr({
      url: configuration.userInfoEndpoint ?? '',
      method: 'GET',
      dataType: 'json',
      headers: { Authorization: `Bearer ${tokens.accessToken}` }
    })
    t.match(userInfo, { sub: payload.sub, name: 'The Octocat' })

    const refreshed = await refresh(redirectUri, tokens.refreshToken)
    t.not(refreshed.refreshToken, tokens.refreshToken)
    t.equal(await running.me(refreshed.accessToken), 200)
    t.equal(await revoke(refreshed.refreshToken), true)
    t.equal(await running.me(refreshed.accessToken), 401)
    // The library says of a refusal only the status line.
    t.match(await failure(refresh(redirectUri, refreshed.refreshToken)), { message: 'Bad Request' })
  }

  return { ...running, configuration, perform, exchange, live }
}

t.test('the library finds every endpoint by the issuer', async (t) => {
  const { configuration, url } = await world(t)
  t.same(configuration.toJson(), {
    authorization_endpoint: `${url}/oauth2/authorize`,
    token_endpoint: `${url}/oauth2/token`,
    revocation_endpoint: `${url}/oauth2/revoke`,
    end_session_endpoint: `${url}/oauth2/logout`,
    userinfo_endpoint: `${url}/oauth2/userinfo`
  })
})

t.test(
  'an app on the desktop: the library opens the browser and listens on a port it found',
  { skip: process.platform === 'win32' && 'there the browser is started by cmd.exe' },
  async (t) => {
    const { perform, live, github, url } = await world(t)
    const openedUrl = await catchOpened(t)

    async function signIn (): Promise<{ outcome: Outcome, page: string }> {
      const port = await freePort()
      const performing = perform(new NodeBasedHandler(port), `http://127.0.0.1:${port}/callback`)
      const browser = createBrowser(url)
      const { location = '' } = await browser.login(await openedUrl())
      const { text } = await browser.get(location)
      return { outcome: await performing, page: text }
    }

    const { outcome, page } = await signIn()
    t.equal(page, 'Close your browser to continue')
    t.equal(outcome.error, null)
    t.equal(outcome.response?.state, outcome.request.state)
    await live(outcome)

    github.deny()
    const denied = await signIn()
    t.equal(denied.outcome.response, null)
    t.match(denied.outcome.error, {
      error: 'access_denied',
      errorDescription: /./,
      state: denied.outcome.request.state
    })
  }
)

t.test('an app on a phone: the answer comes to its private-use scheme', async (t) => {
  const { perform, live, exchange, visit } = await world(t)

  /** What the operating system does: it opens the browser, and hands what comes to the scheme back to the app. */
  class PhoneHandler extends appAuth.AuthorizationRequestHandler {
    answered: Promise<URL> | undefined
    request: AuthorizationRequest | undefined

    async performAuthorizationRequest (
      configuration: AuthorizationServiceConfiguration,
      request: AuthorizationRequest
    ): Promise<void> {
      await request.setupCodeVerifier()
      this.request = request
      this.answered = visit(this.buildRequestUrl(configuration, request))
      await this.completeAuthorizationRequestIfPossible()
    }

    async completeAuthorizationRequest (): Promise<Outcome> {
      const back = (await this.answered) as URL
      t.equal(`${back.protocol}${back.pathname}`, 'com.example.app:/callback')
      const { code = '', state = '' } = this.utils.parse(back)
      return {
        request: this.request as AuthorizationRequest,
        response: new appAuth.AuthorizationResponse({ code, state }),
        error: null
      }
    }
  }
  const phone = () => new PhoneHandler(new appAuth.BasicQueryStringUtils(), new NodeCrypto())

  const outcome = await perform(phone(), 'com.example.app:/callback')
  t.equal(outcome.response?.state, outcome.request.state)
  t.match(outcome.request.extras, { code_challenge_method: 'S256', code_challenge: /^[\w-]{43}$/ })
  await live(outcome)

  const stolen = await perform(phone(), 'com.example.app:/callback')
  t.match(
    await failure(exchange(stolen, { code_verifier: 'x'.repeat(43) })),
    { message: 'Bad Request' },
    'a code without its verifier is of no use'
  )
})

/**
 * Stands in for the system's browser: `opener` finds our program by its name, and the test visits what it was given.
 */
async function catchOpened (t: Test): Promise<() => Promise<string>> {
  const folder = t.testdir({})
  const file = join(folder, 'url')
  const program = join(folder, process.platform === 'darwin' ? 'open' : 'xdg-open')
  await writeFile(program, `#!/bin/sh\nprintf %s "$1" > "${file}.part" && mv "${file}.part" "${file}"\n`)
  await chmod(program, 0o755)
  const { PATH = '' } = process.env
  process.env['PATH'] = `${folder}${delimiter}${PATH}`
  t.teardown(() => {
    process.env['PATH'] = PATH
  })
  return async () => {
    for (let attempt = 0; attempt < 400; attempt++) {
      const url = await readFile(file, 'utf8').catch(() => undefined)
      if (url !== undefined) {
        await rm(file)
        return url
      }
      await sleep(25)
    }
    throw new Error('The library has opened nothing.')
  }
}
