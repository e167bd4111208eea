import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { Problem } from '../http/errors.ts'
import type { Page } from '../http/lists.ts'
import { html, type Markup } from '../pages/markup.ts'
import type { RefusedByApi } from '../page-sessions/api.ts'
import { button, choices, confirmationForm, field, readLines, submit } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { DoneQuery, IdParams, ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import { assertRecentSignIn } from '../page-sessions/visit.ts'
import type { PersonalToken } from '../personal-tokens/routes.ts'
import { PERSONAL_TOKEN_SCOPES } from '../tokens/scope.ts'
import { TAG, type AccountPages } from './context.ts'

const USUAL_DAYS = '30'

/** The personal tokens for scripts. A new one is shown once, by the answer to the form. */
export const tokenPages: AccountPages = async (app, { issuerUrl, resources, sendPersonPage }) => {
  const path = `${issuerUrl}/account/tokens`

  app.get('/account/tokens', {
    schema: { ...pageSchema(TAG, 'The personal tokens, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { tokens } = texts.account
    const { items, nextCursor } = await api.get<Page<PersonalToken>>(`/me/tokens${cursorQuery(query)}`)
    return sendPersonPage(request, reply, {
      title: tokens.title,
      content: html`<p>${tokens.what}</p>
        ${list(items.map((token) => describe(request, token)), tokens.none)}
        ${nextPage(texts, path, query, nextCursor)}
        <p><a class="button" href="${path}/new">${tokens.create}</a></p>`
    })
  })

  function describe (request: FastifyRequest, token: PersonalToken): Markup {
    const { tokens } = request.pageTexts.account
    const names = new Map(Object.entries(tokens.scopes))
    const mayRead = token.scope.split(' ').map((scope) => names.get(scope) ?? scope)
    const apis = token.resource.map((resource) => resources.find(resource)?.name ?? resource)
    return html`<h2>${token.name}</h2>
      ${facts([
        [tokens.scope, mayRead.join(', ')],
        [tokens.resource, apis.join(', ')],
        [tokens.since, timeOf(request, token.createdAt)],
        [tokens.lastUsed, token.lastUsedAt === null ? tokens.never : timeOf(request, token.lastUsedAt)],
        [tokens.until, timeOf(request, token.expiresAt)]
      ])}
      <p><a class="button" href="${path}/${token.id}/end" aria-label="${`${tokens.end}: ${token.name}`}">
        ${tokens.end}</a></p>`
  }

  app.get('/account/tokens/new', {
    schema: { ...pageSchema(TAG, 'The form of a new personal token'), querystring: DoneQuery }
  }, async (request, reply) => {
    await assertRecentSignIn(request)
    return sendForm(request, reply)
  })

  app.post('/account/tokens/new', {
    schema: {
      ...formSchema(TAG, 'Make a personal token, by a form'),
      body: Type.Object({
        name: Type.String({ maxLength: 500 }),
        expiresInDays: Type.String({ maxLength: 10 }),
        scope: Type.Optional(Type.Union([
          Type.String({ maxLength: 100 }), Type.Array(Type.String({ maxLength: 100 }), { maxItems: 10 })
        ]))
      }, { additionalProperties: false })
    }
  }, async (request, reply) => {
    const { body, pageTexts: { account: { tokens } }, visit: { api } } = request
    return await submit(async () => {
      const { name, refreshToken } = await api.send<PersonalToken & { refreshToken: string }>('POST', '/me/tokens', {
        name: body.name.trim(), expiresInDays: Number(body.expiresInDays), scope: readLines(body.scope).join(' ')
      })
      const exchange = `curl ${issuerUrl}/oauth2/token -d grant_type=refresh_token -d refresh_token=...`
      return sendPersonPage(request, reply, {
        title: tokens.created(name),
        content: html`<p>${tokens.createdWhat}</p>
          <p><label for="token">${tokens.token}</label>
            <textarea id="token" readonly rows="3" dir="ltr" spellcheck="false" autofocus
              >${refreshToken}</textarea></p>
          <p>${tokens.use}</p>
          <pre dir="ltr"><code>${exchange}</code></pre>
          <p><a class="button" href="${path}">${tokens.back}</a></p>`
      })
    }, (refusal) => sendForm(request, reply, { values: body, refusal }))
  })

  function sendForm (
    request: FastifyRequest, reply: FastifyReply,
    again?: { values: { name: string, expiresInDays: string }, refusal: RefusedByApi }
  ): FastifyReply {
    const { account: { tokens } } = request.pageTexts
    const { name, expiresInDays } = again?.values ?? { name: '', expiresInDays: USUAL_DAYS }
    const scopes = PERSONAL_TOKEN_SCOPES.map((scope) =>
      ({ name: 'scope', value: scope, label: tokens.scopes[scope as keyof typeof tokens.scopes] }))
    return sendPersonPage(request, reply, {
      title: tokens.create,
      refusal: again?.refusal,
      content: html`<form method="post" action="${path}/new">
        ${field('name', { label: tokens.name, hint: tokens.nameHint, value: name, required: true }, again?.refusal)}
        ${field('expiresInDays', {
          label: tokens.days, hint: tokens.daysHint, value: expiresInDays, type: 'number', required: true
        }, again?.refusal)}
        ${choices('checkbox', tokens.mayRead, scopes)}
        ${button(tokens.create, 'primary')}</form>`
    })
  }

  app.get('/account/tokens/:id/end', {
    schema: { ...pageSchema(TAG, 'The question before a personal token is taken back'), params: IdParams }
  }, async (request, reply) => {
    const { params, pageTexts: { account: { tokens, cancel } }, visit: { api } } = request
    const { items } = await api.get<Page<PersonalToken>>('/me/tokens?limit=100')
    const token = items.find(({ id }) => id === params.id)
    if (!token) throw new Problem('not_found')
    return sendPersonPage(request, reply, {
      title: tokens.endQuestion(token.name),
      content: html`<p>${tokens.endWhat}</p>
        ${confirmationForm(`${path}/${token.id}/end`, { label: tokens.end, cancel, back: path })}`
    })
  })

  app.post('/account/tokens/:id/end', {
    schema: { ...formSchema(TAG, 'Take a personal token back, by a form'), params: IdParams }
  }, async ({ params, visit: { api } }, reply) => {
    await api.send('DELETE', `/me/tokens/${params.id}`)
    return reply.redirect(`${path}?done=token`, 303)
  })
}
