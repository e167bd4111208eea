import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { brandOf } from '../clients/client-brand.ts'
import type { Clients } from '../clients/clients.ts'
import { callerOf } from '../http/caller.ts'
import { addressOf } from '../http/client-address.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { errorPageHandler } from '../pages/error-page.ts'
import { Problem } from '../http/errors.ts'
import { toIssuersName } from '../http/loopback-name.ts'
import { logFailure } from '../http/log-failure.ts'
import { brandFooter, type Brand } from '../pages/brand.ts'
import { html, type Markup } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { textsOf } from '../texts/texts.ts'
import { problems } from '../http/problem-details.ts'
import { isOwnForm } from '../http/own-form.ts'
import type { Providers } from '../providers/registry.ts'
import { deviceErrorPage } from '../sign-in/device-error-page.ts'
import { lastProvider } from '../sign-in/last-provider.ts'
import { providerButtons } from '../sign-in/provider-buttons.ts'
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
    onRequest: toIssuersName(issuerUrl),
    schema: {
      summary: 'The page to type a device code',
      tags: ['Device'],
      querystring: Type.Object({ user_code: Type.Optional(Type.String({ maxLength: 40 })) }),
      response: { 200: PAGE }
    }
  }, async (request, reply) => await sendCodePage(request, reply, request.query.user_code))

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
      return await sendCodePage(request, reply, typed, { isUnknown: true })
    }
    await app.limits.wrongDeviceCodes.refund(address)
    const deviceCodeHash = Buffer.from(grant.deviceCodeHash).toString('base64url')
    writeDeviceVisit(reply, visitSealer, cookies, { ...grant, deviceCodeHash })
    return await sendProvidersPage(request, reply, grant)
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
  }, async (request, reply) => await sendConfirmPage(request, reply))

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
    return await sendDecisionPage(request, reply, isApproval)
  })

  /** Rejects forms of other sites, which must not type or confirm a code for a person (SEC-70). */
  function assertOwnForm (request: FastifyRequest): void {
    if (!isOwnForm(request, issuerUrl)) throw new Problem('invalid_request', FOREIGN_FORM, { status: 403 })
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

  async function brandOfClient (clientId: string): Promise<Brand> {
    if (clientId === OWN_CLIENT_ID) return app.brand
    const client = await clients.find(clientId)
    return client ? brandOf(client, app.brand) : { ...app.brand, name: clientId }
  }

  async function sendCodePage (
    request: FastifyRequest, reply: FastifyReply, typed = '', { isUnknown = false } = {}
  ): Promise<FastifyReply> {
    const { device, common } = await textsOf(request)
    if (isUnknown) reply.code(400)
    const message = html`<p class="error" id="mistake" role="alert" tabindex="-1" autofocus>${device.unknownCode}</p>`
    const attributes = isUnknown ? html`aria-invalid="true" aria-describedby="mistake"` : html`autofocus`
    return sendPage(reply, device.title, html`
      ${isUnknown ? message : []}
      <form method="post" action="${issuerUrl}/device">
        <label for="code">${device.code}</label>
        <input type="text" id="code" name="user_code" value="${typed}" dir="ltr" required ${attributes}
          autocomplete="off" autocapitalize="characters" spellcheck="false">
        <ul><li><button class="button primary">${common.continue}</button></li></ul>
      </form>`)
  }

  async function sendProvidersPage (
    request: FastifyRequest, reply: FastifyReply, grant: { clientId: string, userCode: string }
  ): Promise<FastifyReply> {
    const texts = await textsOf(request)
    const { device, signIn, common } = texts
    const links = [...providers.values()].map(({ id, name }) => ({ id, name, href: `${issuerUrl}/device/login/${id}` }))
    const brand = await brandOfClient(grant.clientId)
    return sendPage(reply, signIn.titleFor(brand.name), html`
      <p>${device.shows} ${codeMarkup(grant.userCode)}</p>
      <p>${device.onlyIfYou}</p>
      ${providerButtons(texts, links, lastProvider(request, cookies, providers))}
      ${brandFooter(brand, common)}`, { brand })
  }

  async function sendConfirmPage (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { userCode, clientId, userName } = signedInVisit(request)
    const { device } = await textsOf(request)
    const brand = await brandOfClient(clientId)
    return sendPage(reply, device.confirmTitle(brand.name), html`
      <p>${device.shows} ${codeMarkup(userCode)}</p>
      <p>${device.confirm} <strong>${userName ?? device.you}</strong></p>
      <form method="post" action="${issuerUrl}/device/confirm"><ul>
        <li><button class="button primary" name="decision" value="approve">${device.yes}</button></li>
        <li><button class="button" name="decision" value="deny">${device.no}</button></li>
      </ul></form>`, { brand })
  }
}

function codeMarkup (userCode: string): Markup {
  return html`<strong class="together" dir="ltr">${formatUserCode(userCode)}</strong>`
}

async function sendDecisionPage (
  request: FastifyRequest, reply: FastifyReply, isApproved: boolean
): Promise<FastifyReply> {
  const { device, common } = await textsOf(request)
  return sendPage(reply, isApproved ? device.approved : device.denied, html`<p>${common.closePage}</p>`)
}
