import { html } from '../pages/markup.ts'
import { confirmationForm, button } from '../page-sessions/forms.ts'
import { DoneQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { assertRecentSignIn } from '../page-sessions/visit.ts'
import { sendPage } from '../pages/page.ts'
import { TAG, type AccountPages } from './context.ts'

/** What is stored about the person: a copy of all, and the end of all. */
export const dataPages: AccountPages = async (app, { issuerUrl, pageSessions, sendPersonPage }) => {
  const path = `${issuerUrl}/account`

  app.get('/account/data', {
    schema: { ...pageSchema(TAG, 'Export and deletion, as a page'), querystring: DoneQuery }
  }, async (request, reply) => {
    const { account: { data } } = request.pageTexts
    return sendPersonPage(request, reply, {
      title: data.title,
      content: html`<h2>${data.exportTitle}</h2><p>${data.exportWhat}</p>
        <form method="post" action="${path}/export">${button(data.export)}</form>
        <h2>${data.deleteTitle}</h2><p>${data.deleteWhat}</p>
        <p><a class="button danger" href="${path}/delete">${data.delete}</a></p>`
    })
  })

  app.post('/account/export', {
    schema: formSchema(TAG, 'Download an export, by a form')
  }, async (request, reply) => {
    const { headers, content, end } = await request.visit.api.stream('/me/export')
    // A browser that goes away must end the export, which is one at a time.
    reply.raw.once('close', end)
    reply.header('content-disposition', headers['content-disposition'])
    return reply.type('application/json; charset=utf-8').serializer((payload: string) => payload).send(content)
  })

  app.get('/account/delete', {
    schema: { ...pageSchema(TAG, 'The question before the user is deleted'), querystring: DoneQuery }
  }, async (request, reply) => {
    await assertRecentSignIn(request)
    const { account: { data, cancel } } = request.pageTexts
    return sendPersonPage(request, reply, {
      title: data.deleteQuestion,
      content: html`<p>${data.deleteWhat}</p>
        ${confirmationForm(`${path}/delete`, { label: data.deleteFinally, cancel, back: `${path}/data` })}`
    })
  })

  app.post('/account/delete', {
    schema: formSchema(TAG, 'Delete the user, by a form')
  }, async (request, reply) => {
    await request.visit.api.send('DELETE', '/me')
    await pageSessions.end(request, reply)
    const { account: { data } } = request.pageTexts
    return sendPage(reply, data.deleted, html`<p>${data.deletedWhat}</p>`)
  })
}
