import { Type } from 'typebox'
import { addressOf } from '../http/client-address.ts'
import { Problem } from '../http/errors.ts'
import { html } from '../pages/markup.ts'
import { formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { assertRecentSignIn } from '../page-sessions/visit.ts'
import { NO_LOGIN_PARAMETERS } from '../providers/login-parameters.ts'
import type { CodeCompletion } from '../sign-in/login-attempt.ts'
import { sendToProvider } from '../sign-in/start.ts'
import { OWN_CLIENT_ID } from '../tokens/grants.ts'
import { TAG, type AccountPages } from './context.ts'
import { codeChallengeOf, createPendingLinks } from './pending-link.ts'

/**
 * Links another account: a form chooses where, the person signs in there with the intent `link`, and the code comes
 * back here. Nothing of it can be started by another site: the form is guarded, and the rest needs the cookie that it
 * sets.
 */
export const linkPages: AccountPages = async (app, options) => {
  const { issuerUrl, providers, cookies, linkSealer, sendPersonPage } = options
  const path = `${issuerUrl}/account/accounts`
  const redirectUri = `${path}/linked`
  const pendingLinks = createPendingLinks(linkSealer, cookies)

  app.post('/account/accounts/link', {
    schema: {
      ...formSchema(TAG, 'Begin to link an account, by a form'),
      body: Type.Object({ provider: Type.String({ maxLength: 64 }) }, { additionalProperties: false })
    }
  }, async (request, reply) => {
    await assertRecentSignIn(request)
    if (!providers.has(request.body.provider)) throw new Problem('not_found')
    pendingLinks.write(request, reply, request.body.provider)
    return reply.redirect(`${path}/link`, 303)
  })

  // A page of its own, because a form must not lead to another site (the page's Content-Security-Policy).
  app.get('/account/accounts/link', {
    schema: pageSchema(TAG, 'On to where the account is')
  }, async (request, reply) => {
    const { account: { accounts, cancel } } = request.pageTexts
    const link = pendingLinks.read(request)
    if (!link) return reply.redirect(path, 303)
    const name = providers.get(link.provider)?.name ?? link.provider
    return sendPersonPage(request, reply, {
      title: accounts.linkTitle(name),
      content: html`<p>${accounts.linkWhat(name)}</p><ul>
        <li><a class="button primary" href="${path}/link/start">${accounts.goOn(name)}</a></li>
        <li><a class="button" href="${path}">${cancel}</a></li></ul>`
    })
  })

  app.get('/account/accounts/link/start', {
    exposeHeadRoute: false,
    schema: {
      ...pageSchema(TAG, 'To the provider, to link an account there'),
      response: { ...pageSchema(TAG, '').response, 302: { description: 'To the provider.', type: 'null' } }
    }
  }, async (request, reply) => {
    const link = pendingLinks.read(request)
    if (!link) return reply.redirect(path, 303)
    await app.limits.signIn.count(`start:${addressOf(request)}`)
    const completion: CodeCompletion = {
      mode: 'code',
      intent: 'link',
      clientId: OWN_CLIENT_ID,
      redirectUri,
      state: link.state,
      codeChallenge: codeChallengeOf(link),
      scope: '',
      nonce: undefined
    }
    const parameters = { ...NO_LOGIN_PARAMETERS, prompt: ['select_account' as const] }
    return await sendToProvider(options, request, reply, link.provider, completion, parameters)
  })

  app.get('/account/accounts/linked', {
    exposeHeadRoute: false,
    config: { afterSignIn: '/account/accounts' },
    schema: {
      ...pageSchema(TAG, 'Where the sign-in to link an account comes back'),
      querystring: Type.Object({
        code: Type.Optional(Type.String({ maxLength: 200 })),
        state: Type.Optional(Type.String({ maxLength: 200 })),
        error: Type.Optional(Type.String({ maxLength: 100 }))
      })
    }
  }, async (request, reply) => {
    const { query: { code, state, error }, visit: { api } } = request
    const link = pendingLinks.read(request)
    if (!link || state !== link.state) throw new Problem('invalid_state')
    pendingLinks.clear(reply)
    if (error !== undefined || code === undefined) {
      throw new Problem(error === 'access_denied' ? 'access_denied' : 'provider_error')
    }
    const body = { code, code_verifier: link.codeVerifier, redirect_uri: redirectUri, client_id: OWN_CLIENT_ID }
    await api.send('POST', '/me/accounts', body)
    return reply.redirect(`${path}?done=linked`, 303)
  })
}
