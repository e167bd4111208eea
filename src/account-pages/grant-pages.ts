import type { FastifyRequest } from 'fastify'
import { askedWords } from '../consent/asked-words.ts'
import type { ConsentGrant } from '../consent/grant-routes.ts'
import { Problem } from '../http/errors.ts'
import type { Page } from '../http/lists.ts'
import { confirmationForm } from '../page-sessions/forms.ts'
import { facts, list, nextPage, timeOf } from '../page-sessions/markup.ts'
import { DoneQuery, IdParams, ListQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { cursorQuery } from '../page-sessions/query.ts'
import { bulletList, html, type Markup } from '../pages/markup.ts'
import { TAG, type AccountPages } from './context.ts'

/** The apps of others that the person allowed to act for them, and how to take it back. */
export const grantPages: AccountPages = async (app, { issuerUrl, resources, sendPersonPage }) => {
  const path = `${issuerUrl}/account/grants`

  app.get('/account/grants', {
    schema: { ...pageSchema(TAG, 'The apps with access, as a page'), querystring: ListQuery }
  }, async (request, reply) => {
    const { pageTexts: texts, query, visit: { api } } = request
    const { grants } = texts.account
    const { items, nextCursor } = await api.get<Page<ConsentGrant>>(`/me/grants${cursorQuery(query)}`)
    return sendPersonPage(request, reply, {
      title: grants.title,
      content: html`${items.length === 0 ? '' : html`<p>${grants.what}</p>`}
        ${list(items.map((grant) => describe(request, grant)), grants.none)}
        ${nextPage(texts, path, query, nextCursor)}`
    })
  })

  function describe (request: FastifyRequest, grant: ConsentGrant): Markup {
    const { consent, account: { grants } } = request.pageTexts
    const { id, clientName, clientHost, resource, resourceName, scope, createdAt } = grant
    const asked = { resource, name: resourceName ?? resource, scopes: scope.split(' ') }
    return html`<h2>${clientName}</h2>
      ${facts([
        [grants.publisher, clientHost],
        [grants.api, asked.name],
        [grants.may, bulletList(askedWords(consent, [asked], resources))],
        [grants.since, timeOf(request, createdAt)]
      ])}
      <a class="button" href="${path}/${id}/end" aria-label="${`${grants.end}: ${clientName}`}">${grants.end}</a>`
  }

  /** Throws the problem `not_found` for a grant that the person does not have. */
  async function findGrant (request: FastifyRequest, id: string): Promise<ConsentGrant> {
    const { api } = request.visit
    for (let cursor: string | null = ''; cursor !== null;) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`
      const { items, nextCursor }: Page<ConsentGrant> = await api.get(`/me/grants?limit=100${after}`)
      const grant = items.find((item) => item.id === id)
      if (grant) return grant
      cursor = nextCursor
    }
    throw new Problem('not_found')
  }

  app.get('/account/grants/:id/end', {
    schema: {
      ...pageSchema(TAG, 'The question before access is taken back'), params: IdParams, querystring: DoneQuery
    }
  }, async (request, reply) => {
    const { account: { grants, cancel } } = request.pageTexts
    const { id, clientName } = await findGrant(request, request.params.id)
    return sendPersonPage(request, reply, {
      title: grants.endQuestion(clientName),
      content: html`<p>${grants.endWhat}</p>
        ${confirmationForm(`${path}/${id}/end`, { label: grants.end, cancel, back: path })}`
    })
  })

  app.post('/account/grants/:id/end', {
    schema: { ...formSchema(TAG, 'Take access back, by a form'), params: IdParams }
  }, async (request, reply) => {
    const { clientId } = await findGrant(request, request.params.id)
    await request.visit.api.send('DELETE', `/me/grants/${encodeURIComponent(clientId)}`)
    return reply.redirect(`${path}?done=grant`, 303)
  })
}
