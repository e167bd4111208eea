import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SendPersonPage } from '../page-sessions/layout.ts'
import { html } from '../pages/markup.ts'

/** A secret that is shown once, by the answer to the form that made it. */
export function sendSecretPage (
  sendPersonPage: SendPersonPage,
  request: FastifyRequest,
  reply: FastifyReply,
  { secret, back }: { secret: string, back: string }
): FastifyReply {
  const { admin } = request.pageTexts
  return sendPersonPage(request, reply, {
    title: admin.secretTitle,
    content: html`<p>${admin.secretWhat}</p>
      <p><label for="secret">${admin.secret}</label>
        <textarea id="secret" readonly rows="2" dir="ltr" spellcheck="false" autofocus>${secret}</textarea></p>
      <p><a class="button" href="${back}">${admin.secretBack}</a></p>`
  })
}
