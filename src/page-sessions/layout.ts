import type { FastifyReply, FastifyRequest } from 'fastify'
import { html, type Markup } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { describeProblem } from './problem-pages.ts'
import { RefusedByApi } from './api.ts'
import { areaOf } from './own-pages.ts'

export interface PersonPage {
  title: string
  content: Markup
  /** Why the form on the page was refused. */
  refusal?: RefusedByApi | undefined
}

const ACCOUNT_LINKS = ['/account', '/account/sessions', '/account/accounts', '/account/tokens', '/account/grants',
  '/account/activity', '/account/data'] as const
const ADMIN_LINKS = ['/admin', '/admin/pages/clients', '/admin/pages/events', '/admin/pages/keys',
  '/admin/pages/webhooks', '/account'] as const

/** Where the pages below a link are, if that is not below its path. */
const BELOW: Record<string, string[]> = {
  '/account': [],
  '/account/data': ['/account/delete'],
  '/admin': ['/admin/pages/users']
}

/** Creates what sends a page of /account or /admin, with the way to the others, and what has just been done. */
export function createLayout (issuerUrl: string) {
  return function sendPersonPage (
    request: FastifyRequest, reply: FastifyReply, { title, content, refusal }: PersonPage
  ): FastifyReply {
    if (refusal) reply.code(refusal.status)
    return sendPage(reply, title, html`
      ${refusal ? refusalNotice(request, refusal) : doneNotice(request)}
      ${content}`, { navigation: navigation(request, issuerUrl) })
  }
}

export type SendPersonPage = ReturnType<typeof createLayout>

function navigation ({ url, pageTexts: { account } }: FastifyRequest, issuerUrl: string): Markup {
  const [path = ''] = url.split('?')
  const isAdmin = areaOf(path) === '/admin'
  const links: readonly (keyof typeof account.links)[] = isAdmin ? ADMIN_LINKS : ACCOUNT_LINKS
  const items = links.map((link) => {
    const isCurrent = path === link || (BELOW[link] ?? [link]).some((folder) => path.startsWith(`${folder}/`))
    const name = isAdmin && link === '/account' ? account.profile.title : account.links[link]
    return html`<li><a href="${issuerUrl}${link}"${isCurrent ? html` aria-current="page"` : ''}>${name}</a></li>`
  })
  return html`<nav aria-label="${account.navigation}"><ul>${items}<li>
    <form method="post" action="${issuerUrl}/account/sign-out"><button class="link">${account.signOut}</button></form>
    </li></ul></nav>`
}

/** The code is of a closed list: a link of another site cannot make the page say anything. */
function doneNotice ({ query, pageTexts: { account: { done } } }: FastifyRequest): Markup {
  const { done: code } = query as { done?: string }
  if (code === undefined || !Object.hasOwn(done, code)) return html``
  return html`<p class="notice" role="status" tabindex="-1" autofocus>${done[code as keyof typeof done]}</p>`
}

/** An administrator also reads what the API said, which is in English. */
function refusalNotice ({ url, pageTexts }: FastifyRequest, refusal: RefusedByApi): Markup {
  const detail = areaOf(url) === '/admin' ? html`<br><span lang="en" dir="ltr">${refusal.message}</span>` : ''
  return html`<p class="notice" id="problem" role="alert" tabindex="-1" autofocus>
    ${describeProblem(pageTexts, refusal)}${detail}</p>`
}
