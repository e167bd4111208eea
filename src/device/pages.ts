import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { callerOf } from '../http/caller.ts'
import { Problem } from '../http/errors.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { errorPageHandler } from '../http/error-page.ts'
import { html, sendPage, type Markup } from '../http/pages.ts'
import { problems } from '../http/problem-details.ts'
import { addressOf } from '../http/client-address.ts'
import type { Providers } from '../providers/registry.ts'
import type { SessionService } from '../sessions/service.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import { deviceErrorPage } from '../sign-in/device-error-page.ts'
import { readDeviceVisit, writeDeviceVisit } from '../sign-in/device-visit.ts'
import type { LoginAttempts } from '../sign-in/login-attempt.ts'
import type { SignInService } from '../sign-in/service.ts'
import { sendToProvider } from '../sign-in/start.ts'
import type { Sealer } from '../vault/sealing.ts'
import type { Clients } from '../clients/clients.ts'
import { readUserCode, showUserCode } from './codes.ts'
import type { DeviceRepository } from './repository.ts'

export interface DeviceOptions {
  issuerUrl: string
  devices: DeviceRepository
  clients: Clients
  providers: Providers
  sessions: SessionService
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
  visitSealer: Sealer
}

const PAGE = { description: 'A page.', content: { 'text/html': { schema: Type.String() } } }

/**
 * The pages of the device flow (RFC 8628 section 3.3): type the code, choose a provider, see who asks, confirm. Where a
 * person has got to is sealed into a cookie, so that a code is approved only by the browser that typed it.
 */
export const deviceRoutes: FastifyPluginAsyncTypebox<DeviceOptions> = async (app, options) => {
  const { issuerUrl, devices, clients, providers, sessions, cookies, visitSealer } = options

  app.addHook('onRequest', async (_request, reply) => {
    // With no-referrer a browser would hide where a form comes from, too (Fetch standard, "append a request Origin header").
    reply.header('cache-control', 'no-store').header('referrer-policy', 'same-origin')
  })
  app.setErrorHandler(errorPageHandler(deviceErrorPage(issuerUrl)))

  app.get('/device', {
    schema: {
      summary: 'The page to type a device code',
      tags: ['Device'],
      querystring: Type.Object({ user_code: Type.Optional(Type.String({ maxLength: 40 })) }),
      response: { 200: PAGE }
    }
  }, async (request, reply) => sendPage(reply, 'Connect a device', typeCode(issuerUrl, request.query.user_code ?? '')) as never)

  app.post('/device', {
    schema: {
      summary: 'Type a device code',
      tags: ['Device'],
      body: Type.Object({ user_code: Type.Optional(Type.String({ maxLength: 100 })) }),
      response: { 200: PAGE, ...problems('invalid_request', 'rate_limited') }
    }
  }, async (request, reply) => {
    comeFromHere(request)
    const address = addressOf(request)
    // Counted before the code is looked up, so that guesses at the same time count, too.
    await app.limits.wrongDeviceCodes.count(address)
    const userCode = readUserCode(request.body.user_code)
    const grant = userCode && await devices.findWaiting(userCode)
    if (!grant) {
      return sendPage(reply.code(400 as never), 'Connect a device', typeCode(issuerUrl, request.body.user_code ?? '', 'This code is not known, or its ten minutes are over. Check what the device shows.')) as never
    }
    await app.limits.wrongDeviceCodes.refund(address)
    const { clientId, scope } = grant
    writeDeviceVisit(reply, visitSealer, cookies, { deviceCodeHash: grant.deviceCodeHash.toString('base64url'), userCode: grant.userCode, clientId, scope })
    const choices = [...providers.values()].map(({ id, name }) => html`<li><a class="button" href="${issuerUrl}/device/login/${id}">Continue with ${name}</a></li>`)
    return sendPage(reply, `Sign in to ${await clientName(clientId)}`, html`
      <p>The device shows the code <strong class="together">${showUserCode(grant.userCode)}</strong>. Go on only if you started this yourself.</p>
      <ul>${choices}</ul>`) as never
  })

  app.get('/device/login/:provider', {
    exposeHeadRoute: false,
    schema: {
      summary: 'Sign in for a device',
      tags: ['Device'],
      params: Type.Object({ provider: Type.String({ maxLength: 64 }) }),
      response: { 302: { description: 'To the provider.', type: 'null' }, ...problems('invalid_state', 'unknown_provider', 'rate_limited', 'provider_error', 'provider_timeout') }
    }
  }, async (request, reply) => {
    await app.limits.signIn.count(`start:${addressOf(request)}`)
    const { sessionId: _none, userName: _noname, ...visit } = currentVisit(request)
    return await sendToProvider(options, request, reply, request.params.provider, { mode: 'device', ...visit }) as never
  })

  app.get('/device/confirm', {
    exposeHeadRoute: false,
    schema: { summary: 'The page to confirm', tags: ['Device'], response: { 200: PAGE, ...problems('invalid_state') } }
  }, async (request, reply) => {
    const { clientId, userCode, userName } = signedInVisit(request)
    return sendPage(reply, `Sign in to ${await clientName(clientId)}?`, html`
      <p>The device with the code <strong class="together">${showUserCode(userCode)}</strong> will be signed in as <strong>${userName ?? 'you'}</strong>.</p>
      <form method="post" action="${issuerUrl}/device/confirm"><ul>
        <li><button class="button primary" name="decision" value="approve">Yes, sign it in</button></li>
        <li><button class="button" name="decision" value="deny">No</button></li>
      </ul></form>`) as never
  })

  app.post('/device/confirm', {
    schema: {
      summary: 'Confirm, or not',
      tags: ['Device'],
      body: Type.Object({ decision: Type.Union([Type.Literal('approve'), Type.Literal('deny')]) }),
      response: { 200: PAGE, ...problems('validation_failed', 'invalid_request', 'invalid_state') }
    }
  }, async (request, reply) => {
    comeFromHere(request)
    const { deviceCodeHash, sessionId } = signedInVisit(request)
    const hash = Buffer.from(deviceCodeHash, 'base64url')
    const approves = request.body.decision === 'approve'
    const decided = approves ? await devices.approve(hash, sessionId) : await devices.deny(hash)
    reply.clearCookie(cookies.deviceVisitName, cookies.deviceVisit)
    if (!approves || !decided) await sessions.end(sessionId, 'revoked', callerOf(request))
    if (!decided) throw new Problem('invalid_state', 'This code has been used, or its ten minutes are over.')
    return sendPage(reply, approves ? 'The device is signed in' : 'The device stays out', html`<p>You can close this page.</p>`) as never
  })

  /** A form of another site must not type or confirm for a person (SEC-70). Browsers always say where a POST comes from. */
  function comeFromHere (request: FastifyRequest): void {
    if (request.headers.origin !== new URL(issuerUrl).origin) throw new Problem('invalid_request', 'This form was not sent from here.', { status: 403 })
  }

  function currentVisit (request: FastifyRequest) {
    const visit = readDeviceVisit(request, visitSealer, cookies)
    if (!visit) throw new Problem('invalid_state', 'Type the code of the device first.')
    return visit
  }

  function signedInVisit (request: FastifyRequest) {
    const { sessionId, ...visit } = currentVisit(request)
    if (sessionId === undefined) throw new Problem('invalid_state', 'Sign in first.')
    return { ...visit, sessionId }
  }

  async function clientName (clientId: string): Promise<string> {
    return clientId === OWN_CLIENT_ID ? new URL(issuerUrl).host : (await clients.find(clientId))?.name ?? clientId
  }
}

function typeCode (issuerUrl: string, typed: string, mistake?: string): Markup {
  return html`
    ${mistake === undefined ? html`` : html`<p role="alert">${mistake}</p>`}
    <form method="post" action="${issuerUrl}/device">
      <label for="code">The code that the device shows</label>
      <input type="text" id="code" name="user_code" value="${typed}" required autofocus autocomplete="off" autocapitalize="characters" spellcheck="false">
      <ul><li><button class="button primary">Continue</button></li></ul>
    </form>`
}
