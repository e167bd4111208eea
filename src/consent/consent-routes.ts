import { createHash, randomBytes } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Client, Clients } from '../clients/clients.ts'
import { callerOf } from '../http/caller.ts'
import type { CookiePolicy } from '../http/cookies.ts'
import { OAuthError, Problem } from '../http/errors.ts'
import { problems } from '../http/problem-details.ts'
import { isOwnForm } from '../http/own-form.ts'
import { errorPageHandler } from '../pages/error-page.ts'
import { CODE_LIFETIME_SECONDS } from '../sign-in/completions.ts'
import { clearConsentVisit, readConsentVisit, type ConsentVisit } from '../sign-in/consent-visit.ts'
import { redirectBack, redirectWithError } from '../sign-in/redirects.ts'
import { textsOf } from '../texts/texts.ts'
import type { Resources } from '../tokens/resources.ts'
import type { UserRepository } from '../users/repository.ts'
import type { Sealer } from '../vault/sealing.ts'
import { askedOf, type Asked } from './asked.ts'
import { sendConsentPage } from './page.ts'
import type { ConsentingClient, ConsentRepository } from './repository.ts'

export interface ConsentOptions {
  issuerUrl: string
  consents: Pick<ConsentRepository, 'covers' | 'allow' | 'cancel'>
  clients: Pick<Clients, 'find'>
  users: Pick<UserRepository, 'find'>
  resources: Resources
  cookies: CookiePolicy
  consentSealer: Sealer
}

const EXPIRED = 'This was asked more than ten minutes ago, in another browser, or was answered before.'
const CHANGED = 'The client, or what it may ask for, has changed meanwhile.'
const FOREIGN_FORM = 'This form came from another page.'

const RequestId = Type.String({ pattern: '^[\\w-]{16}$', description: 'The id of the visit; its cookie has the rest.' })

const responses = {
  200: { description: 'The page.', content: { 'text/html': { schema: Type.String() } } },
  302: { description: 'Back to the client.', type: 'null' },
  ...problems('validation_failed', 'invalid_request', 'invalid_state')
}

/** A visit whose client and resources are still what they were when the person was sent to sign in. */
interface Pending { visit: ConsentVisit & { id: string }, client: Client, asked: Asked[] }

/**
 * The page where people allow a third-party client what it asks for, after the sign-in and before the code. A sealed
 * cookie holds the request, so that only the browser that signed in can answer; an answer counts once.
 */
export const consentRoutes: FastifyPluginAsyncTypebox<ConsentOptions> = async (app, options) => {
  const { issuerUrl, consents, clients, users, resources, cookies, consentSealer } = options

  app.addHook('onRequest', async (_request, reply) => {
    // "no-referrer" would also hide the origin of a form (Fetch standard, "append a request Origin header").
    reply.header('cache-control', 'no-store').header('referrer-policy', 'same-origin')
  })
  app.setErrorHandler(errorPageHandler({
    words ({ consent: { failed, failedText, foreignForm } }, { code }) {
      if (code === 'invalid_request') return { title: failed, text: foreignForm }
      return code === 'invalid_state' ? { title: failed, text: failedText } : undefined
    }
  }))

  app.get('/oauth2/consent', {
    exposeHeadRoute: false,
    schema: {
      summary: 'The page to allow a third-party client what it asks for',
      description: 'Goes on to the client at once where the person has allowed all of it before.',
      tags: ['OAuth 2.1'],
      querystring: Type.Object({ request: RequestId }),
      response: responses
    }
  }, async (request, reply) => {
    const pending = await readPending(request, request.query.request)
    const { visit: { id, userId, completion }, client, asked } = pending
    const isCovered = !completion.consent?.isForced && await consents.covers(userId, consentingClient(client), asked)
    if (isCovered) return await sendCode(request, reply, pending, false)
    const user = await users.find(userId)
    if (!user) throw new Problem('invalid_state', EXPIRED)
    const { redirectUri } = completion
    const userName = user.name ?? user.email
    const texts = await textsOf(request)
    return sendConsentPage(reply, texts, { issuerUrl, id, client, redirectUri, asked, apis: resources, userName })
  })

  app.post('/oauth2/consent', {
    schema: {
      summary: 'Allow it, or not',
      tags: ['OAuth 2.1'],
      body: Type.Object({
        request: RequestId, decision: Type.Union([Type.Literal('allow'), Type.Literal('cancel')])
      }),
      response: responses
    }
  }, async (request, reply) => {
    if (!isOwnForm(request, issuerUrl)) throw new Problem('invalid_request', FOREIGN_FORM, { status: 403 })
    const { request: id, decision } = request.body
    if (decision === 'allow') return await sendCode(request, reply, await readPending(request, id), true)
    const visit = readVisit(request, id)
    clearConsentVisit(reply, cookies, id)
    if (!await consents.cancel(visit, callerOf(request))) throw new Problem('invalid_state', EXPIRED)
    const denied = new OAuthError('access_denied', 'The person did not allow it.')
    return await redirectWithError(reply, { ...visit.completion, issuerUrl, requestId: request.id }, denied)
  })

  async function sendCode (
    request: FastifyRequest, reply: FastifyReply, { visit, client, asked }: Pending, isNew: boolean
  ): Promise<FastifyReply> {
    const code = randomBytes(32).toString('base64url')
    const hash = createHash('sha256').update(code).digest()
    const consent = isNew ? { client: consentingClient(client), asked } : null
    clearConsentVisit(reply, cookies, visit.id)
    const newCode = { hash, lifetimeSeconds: CODE_LIFETIME_SECONDS }
    if (!await consents.allow(visit, newCode, consent, callerOf(request))) {
      throw new Problem('invalid_state', EXPIRED)
    }
    return await redirectBack(reply, { ...visit.completion, issuerUrl }, { code })
  }

  function readVisit (request: FastifyRequest, id: string): ConsentVisit & { id: string } {
    const visit = readConsentVisit(request, consentSealer, cookies, id)
    if (!visit) throw new Problem('invalid_state', EXPIRED)
    return { ...visit, id }
  }

  async function readPending (request: FastifyRequest, id: string): Promise<Pending> {
    const visit = readVisit(request, id)
    const { clientId, scope, resources: named = [], consent } = visit.completion
    // A document that can no longer be read or used is a changed one.
    const client = await clients.find(clientId, request).catch((error: unknown) => {
      if (error instanceof OAuthError) return undefined
      throw error
    })
    if (!client?.thirdParty || client.thirdParty.fingerprint !== consent?.fingerprint) {
      throw new Problem('invalid_state', CHANGED)
    }
    const asked = askedOf(resources, { scope, resources: named })
    if (!asked) throw new Problem('invalid_state', CHANGED)
    return { visit, client, asked }
  }
}

function consentingClient ({ clientId, name, thirdParty }: Client): ConsentingClient {
  return { clientId, name, host: thirdParty?.host, fingerprint: thirdParty?.fingerprint ?? '' }
}
