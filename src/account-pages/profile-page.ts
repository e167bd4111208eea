import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { html } from '../pages/markup.ts'
import type { RefusedByApi } from '../page-sessions/api.ts'
import { button, field, submit } from '../page-sessions/forms.ts'
import { facts, timeOf } from '../page-sessions/markup.ts'
import { DoneQuery, formSchema, pageSchema } from '../page-sessions/page-schema.ts'
import { sendPage } from '../pages/page.ts'
import type { User } from '../users/user.ts'
import { TAG, type AccountPages } from './context.ts'

interface ProfileForm { name: string, locale: string }

export const profilePage: AccountPages = async (app, { issuerUrl, pageSessions, sendPersonPage }) => {
  app.get('/account', {
    schema: { ...pageSchema(TAG, 'Who is signed in, as a page'), querystring: DoneQuery }
  }, async (request, reply) => await sendProfile(request, reply))

  app.post('/account/profile', {
    schema: {
      ...formSchema(TAG, 'Edit the profile, by a form'),
      body: Type.Object({
        name: Type.String({ maxLength: 500 }), locale: Type.String({ maxLength: 200 })
      }, { additionalProperties: false })
    }
  }, async (request, reply) => {
    const { body, visit: { api } } = request
    const user = await api.get<User>('/me')
    return await submit(async () => {
      const change = changedMembers(body, user)
      if (Object.keys(change).length > 0) await api.send('PATCH', '/me', change)
      return reply.redirect(`${issuerUrl}/account?done=profile`, 303)
    }, (refusal) => sendProfile(request, reply, { values: body, refusal }))
  })

  app.post('/account/sign-out', {
    schema: formSchema(TAG, 'Sign out of these pages, by a form')
  }, async (request, reply) => {
    await pageSessions.end(request, reply)
    const { account } = request.pageTexts
    return sendPage(reply, account.signedOut, html`
      <p><a class="button" href="${issuerUrl}/account">${account.signInAgain}</a></p>`)
  })

  async function sendProfile (
    request: FastifyRequest, reply: FastifyReply, again?: { values: ProfileForm, refusal: RefusedByApi }
  ): Promise<FastifyReply> {
    const { pageTexts: texts, visit } = request
    const { profile } = texts.account
    const user = await visit.api.get<User>('/me')
    const { name, locale } = again?.values ?? { name: user.name ?? '', locale: user.locale ?? '' }
    return sendPersonPage(request, reply, {
      title: user.name === null ? profile.title : profile.hello(user.name),
      refusal: again?.refusal,
      content: html`
        ${facts([
          [profile.email, user.email],
          [profile.roles, user.roles.join(', ')],
          [profile.since, timeOf(request, user.createdAt)],
          [profile.lastSignIn, user.lastLoginAt && timeOf(request, user.lastLoginAt)],
          [profile.id, html`<code>${user.id}</code>`]
        ])}
        ${user.roles.includes('admin') ? html`<p><a href="${issuerUrl}/admin">${texts.account.toAdmin}</a></p>` : ''}
        <h2>${profile.edit}</h2>
        <form method="post" action="${issuerUrl}/account/profile">
          ${field('name', { label: profile.name, value: name, autocomplete: 'name' }, again?.refusal)}
          ${field('locale', {
            label: profile.locale, hint: profile.localeHint, value: locale, autocomplete: 'language'
          }, again?.refusal)}
          ${button(profile.save, 'primary')}
        </form>`
    })
  }
}

/** What the form changes: a member that stays as it is keeps following the provider. */
function changedMembers (form: ProfileForm, user: User): Record<string, string | null> {
  const changed = (['name', 'locale'] as const).filter((member) => form[member].trim() !== (user[member] ?? ''))
  return Object.fromEntries(changed.map((member) => [member, form[member].trim() || null]))
}
