import type { FastifyRequest } from 'fastify'
import type { Page } from '../http/lists.ts'
import { Problem } from '../http/errors.ts'
import { html, type Markup } from '../pages/markup.ts'
import { choices, button, confirmationForm } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { IdParams, ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import { assertRecentSignIn } from '../page-sessions/visit.ts'
import type { Account } from '../users/user.ts'
import { TAG, type AccountPages } from './context.ts'

/** The linked accounts, and how to unlink one. */
export const linkedAccountPages: AccountPages = async (app, { issuerUrl, providers, sendPersonPage }) => {
  const path = `${issuerUrl}/account/accounts`
  const providerName = ({ provider }: Account) => providers.get(provider)?.name ?? provider
  const who = ({ username, email, name, subject }: Account) => username ?? email ?? name ?? subject

  app.get('/account/accounts', {
    schema: { ...pageSchema(TAG, 'The linked accounts, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { accounts } = texts.account
    const { items, nextCursor } = await api.get<Page<Account>>(`/me/accounts${cursorQuery(query)}`)
    const toChoose = [...providers.values()].map(({ id, name }, index) =>
      ({ name: 'provider', value: id, label: name, checked: index === 0 }))
    return sendPersonPage(request, reply, {
      title: accounts.title,
      content: html`<p>${accounts.what}</p>
        ${list(items.map((account) => describe(request, account)), '')}
        ${nextPage(texts, path, query, nextCursor)}
        <h2>${accounts.linkAnother}</h2>
        <form method="post" action="${path}/link">
          ${choices('radio', accounts.where, toChoose)}${button(accounts.link, 'primary')}
        </form>`
    })
  })

  function describe (request: FastifyRequest, account: Account): Markup {
    const { accounts } = request.pageTexts.account
    const label = `${accounts.unlink}: ${providerName(account)} ${who(account)}`
    return html`<h2>${providerName(account)}</h2>
      ${facts([
        [accounts.name, who(account)],
        [accounts.email, account.email === who(account) ? null : account.email],
        [accounts.since, timeOf(request, account.createdAt)],
        [accounts.lastSignIn, timeOf(request, account.lastLoginAt)]
      ])}
      <p><a class="button" href="${path}/${account.id}/unlink" aria-label="${label}">${accounts.unlink}</a></p>`
  }

  app.get('/account/accounts/:id/unlink', {
    schema: { ...pageSchema(TAG, 'The question before an account is unlinked'), params: IdParams }
  }, async (request, reply) => {
    const { params, pageTexts: { account: { accounts, cancel } }, visit: { api } } = request
    const { items } = await api.get<Page<Account>>('/me/accounts?limit=100')
    const account = items.find(({ id }) => id === params.id)
    if (!account) throw new Problem('not_found')
    await assertRecentSignIn(request)
    return sendPersonPage(request, reply, {
      title: accounts.unlinkQuestion(providerName(account), who(account)),
      content: html`<p>${accounts.unlinkWhat}</p>
        ${confirmationForm(`${path}/${account.id}/unlink`, { label: accounts.unlink, cancel, back: path })}`
    })
  })

  app.post('/account/accounts/:id/unlink', {
    schema: { ...formSchema(TAG, 'Unlink an account, by a form'), params: IdParams }
  }, async ({ params, visit: { api } }, reply) => {
    await api.send('DELETE', `/me/accounts/${params.id}`)
    return reply.redirect(`${path}?done=unlinked`, 303)
  })
}
