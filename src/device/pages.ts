import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Clients } from '../clients/clients.ts'
import { callerOf } from '../http/caller.ts'
import { addressOf } from '../http/client-address.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { errorPageHandler } from '../http/error-page.ts'
import { Problem } from '../http/errors.ts'
import { logFailure } from '../http/log-failure.ts'
import { html, sendPage } from '../http/pages.ts'
import { problems } from '../http/problem-details.ts'
import type { Providers } from '../providers/registry.ts'
import { deviceErrorPage } from '../sign-in/device-error-page.ts'
import { readDeviceVisit, writeDeviceVisit } from '../sign-in/device-visit.ts'
import type { DeviceCompletion, LoginAttempts } from '../sign-in/login-attempt.ts'
import type { SignInService } from '../sign-in/service.ts'
import { sendToProvider } from '../sign-in/start.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import type { Sealer } from '../vault/sealing.ts'
import { formatUserCode, readUserCode } from './codes.ts'
import type { DeviceRepository } from './repository.ts'

export interface DeviceOptions {
  issuerUrl: string
  devices: DeviceRepository
  clients: Clients
  providers: Providers
  signIn: SignInService
  attempts: LoginAttempts
  cookies: CookiePolicy
  visitSealer: Sealer
}

const PAGE = { description: 'A page.', content: { 'text/html': { schema: Type.String() } } }

const UNKNOWN_CODE = 'This code is not known, or it has expired. Check the code that your device shows.'
const FOREIGN_FORM = 'This form came from another page. Please go back and try again.'
const CODE_IS_OVER = 'This code was already used, or it has expired. Start again on your device.'

/**
 * The pages of the device flow (RFC 8628 section 3.3): type the code, sign in at a provider, confirm. A sealed cookie
 * holds each step, so that only the browser that typed a code can approve it.
 */
export const deviceRoutes: FastifyPluginAsyncTypebox<DeviceOptions> = async (app, options) => {
  const { issuerUrl, devices, clients, providers, cookies, visitSealer } = options

  app.addHook('onRequest', async (_request, reply) => {
    // "no-referrer" would also hide the origin of a form (Fetch standard, "append a request Origin header").
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
  }, async (request, reply) => sendCodePage(reply, request.query.user_code))

  app.post('/device', {
    schema: {
      summary: 'Type a device code',
      tags: ['Device'],
      body: Type.Object({ user_code: Type.Optional(Type.String({ maxLength: 100 })) }),
      response: { 200: PAGE, ...problems('invalid_request', 'rate_limited') }
    }
  }, async (request, reply) => {
    assertOwnForm(request)
    const address = addressOf(request)
    // Counted before the code is looked up, so that guesses at the same time count, too.
    await app.limits.wrongDeviceCodes.count(address)
    const typed = request.body.user_code
    const userCode = readUserCode(typed)
    const grant = userCode === undefined ? undefined : await devices.findPending(userCode)
    if (!grant) {
      logFailure(request, { code: 'invalid_request', status: 400 })
      return sendCodePage(reply, typed, UNKNOWN_CODE)
    }
    await app.limits.wrongDeviceCodes.refund(address)
    const deviceCodeHash = Buffer.from(grant.deviceCodeHash).toString('base64url')
    writeDeviceVisit(reply, visitSealer, cookies, { ...grant, deviceCodeHash })
    return await sendProvidersPage(reply, grant)
  })

  app.get('/device/login/:provider', {
    exposeHeadRoute: false,
    schema: {
      summary: 'Sign in for a device',
      tags: ['Device'],
      params: Type.Object({ provider: Type.String({ maxLength: 64 }) }),
      response: {
        302: { description: 'To the provider.', type: 'null' },
        ...problems('invalid_state', 'unknown_provider', 'rate_limited', 'provider_error', 'provider_timeout')
      }
    }
  }, async (request, reply) => {
    await app.limits.signIn.count(`start:${addressOf(request)}`)
    const { deviceCodeHash, userCode, clientId, scope, resources = [] } = currentVisit(request)
    const completion: DeviceCompletion = { mode: 'device', deviceCodeHash, userCode, clientId, scope, resources }
    return await sendToProvider(options, request, reply, request.params.provider, completion)
  })

  app.get('/device/confirm', {
    exposeHeadRoute: false,
    schema: { summary: 'The page to confirm', tags: ['Device'], response: { 200: PAGE, ...problems('invalid_state') } }
  }, async (request, reply) => await sendConfirmPage(reply, signedInVisit(request)))

  app.post('/device/confirm', {
    schema: {
      summary: 'Confirm, or not',
      tags: ['Device'],
      body: Type.Object({ decision: Type.Union([Type.Literal('approve'), Type.Literal('deny')]) }),
      response: { 200: PAGE, ...problems('validation_failed', 'invalid_request', 'invalid_state') }
    }
  }, async (request, reply) => {
    assertOwnForm(request)
    const { deviceCodeHash, sessionId } = signedInVisit(request)
    const isApproval = request.body.decision === 'approve'
    const person = { deviceCodeHash: Uint8Array.from(Buffer.from(deviceCodeHash, 'base64url')), sessionId }
    const decide = isApproval ? devices.approve : devices.deny
    const isDecided = await decide(person, callerOf(request))
    reply.clearCookie(cookies.deviceVisitName, cookies.deviceVisit)
    if (!isDecided) throw new Problem('invalid_state', CODE_IS_OVER)
    return sendDecisionPage(reply, isApproval)
  })

  /** Rejects forms of other sites, which must not type or confirm a code for a person (SEC-70). */
  function assertOwnForm (request: FastifyRequest): void {
    // Browsers send Origin with every POST.
    if (request.headers.origin === new URL(issuerUrl).origin) return
    throw new Problem('invalid_request', FOREIGN_FORM, { status: 403 })
  }

  function currentVisit (request: FastifyRequest) {
    const visit = readDeviceVisit(request, visitSealer, cookies)
    if (!visit) throw new Problem('invalid_state', 'Please type the code that your device shows first.')
    return visit
  }

  function signedInVisit (request: FastifyRequest) {
    const { sessionId, ...visit } = currentVisit(request)
    if (sessionId === undefined) throw new Problem('invalid_state', 'Please sign in first.')
    return { ...visit, sessionId }
  }

  async function clientName (clientId: string): Promise<string> {
    if (clientId === OWN_CLIENT_ID) return new URL(issuerUrl).host
    return (await clients.find(clientId))?.name ?? clientId
  }

  function sendCodePage (reply: FastifyReply, typed = '', error?: string): FastifyReply {
    if (error !== undefined) reply.code(400)
    return sendPage(reply, 'Connect a device', html`
      ${error === undefined ? html`` : html`<p role="alert">${error}</p>`}
      <form method="post" action="${issuerUrl}/device">
        <label for="code">The code that the device shows</label>
        <input type="text" id="code" name="user_code" value="${typed}" required autofocus
          autocomplete="off" autocapitalize="characters" spellcheck="false">
        <ul><li><button class="button primary">Continue</button></li></ul>
      </form>`)
  }

  async function sendProvidersPage (reply: FastifyReply, grant: { clientId: string, userCode: string }) {
    const links = [...providers.values()].map(({ id, name }) =>
      html`<li><a class="button" href="${issuerUrl}/device/login/${id}">Continue with ${name}</a></li>`)
    return sendPage(reply, `Sign in to ${await clientName(grant.clientId)}`, html`
      <p>The device shows the code <strong class="together">${formatUserCode(grant.userCode)}</strong>.
        Go on only if you started this yourself.</p>
      <ul>${links}</ul>`)
  }

  async function sendConfirmPage (reply: FastifyReply, visit: ReturnType<typeof signedInVisit>) {
    const code = html`<strong class="together">${formatUserCode(visit.userCode)}</strong>`
    const name = html`<strong>${visit.userName ?? 'you'}</strong>`
    return sendPage(reply, `Sign in to ${await clientName(visit.clientId)}?`, html`
      <p>The device with the code ${code} will be signed in as ${name}.</p>
      <form method="post" action="${issuerUrl}/device/confirm"><ul>
        <li><button class="button primary" name="decision" value="approve">Yes, sign it in</button></li>
        <li><button class="button" name="decision" value="deny">No</button></li>
      </ul></form>`)
  }
}

function sendDecisionPage (reply: FastifyReply, isApproved: boolean): FastifyReply {
  return sendPage(reply, `The device is ${isApproved ? '' : 'not '}signed in`, html`<p>You can close this page.</p>`)
}
