import type { FastifyReply } from 'fastify'
import type { Client } from '../clients/clients.ts'
import { isLoopback } from '../http/url.ts'
import { brandFooter } from '../pages/brand.ts'
import { bulletList, html, type Markup } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import { languageOf, type Texts } from '../texts/texts.ts'
import type { Resources } from '../tokens/resources.ts'
import type { Asked } from './asked.ts'
import { askedWords, foreign } from './asked-words.ts'

type ConsentTexts = Texts['consent']

export interface ConsentPage {
  issuerUrl: string
  /** The id of the visit. */
  id: string
  client: Client
  redirectUri: string
  asked: Asked[]
  apis: Pick<Resources, 'find'>
  userName: string | null
}

/** Who asks: the name that the client has given itself, and where it is, as far as that is known. */
function whoAsks (texts: ConsentTexts, { name, thirdParty }: Client, redirectUri: string): Markup {
  const [url, host] = [new URL(redirectUri), thirdParty?.host]
  const onThisComputer = host === undefined ? texts.onThisComputer : texts.publishedOnThisComputer(foreign(host))
  const elsewhere = host === undefined ? texts.returnsTo(foreign(url.host)) : texts.publishedBy(foreign(host))
  return html`<p><strong>${foreign(name)}</strong><br>${isLoopback(url) ? onThisComputer : elsewhere}</p>`
}

/** What people read before they choose how to sign in for a third-party client. */
export function noticeBeforeSignIn (texts: ConsentTexts, client: Client, redirectUri: string): Markup {
  return html`${whoAsks(texts, client, redirectUri)}<p>${texts.beforeSignIn}</p>`
}

export function sendConsentPage (reply: FastifyReply, { consent: texts, common }: Texts, page: ConsentPage) {
  const { issuerUrl, id, client, redirectUri, asked, apis, userName } = page
  const { brand } = reply.server
  const url = new URL(redirectUri)
  const warning = isLoopback(url)
    ? texts.unverifiedApp(brand.name)
    : texts.unverifiedHost(brand.name, foreign(client.thirdParty?.host ?? url.host))
  const names = new Intl.ListFormat(languageOf(reply.request)).format(asked.map(({ name }) => name))
  const title = texts.title(foreign(client.name), names)
  return sendPage(reply, title, html`
    ${whoAsks(texts, client, redirectUri)}
    <p>${userName === null ? texts.asksYou : texts.asks(foreign(userName))}</p>
    ${bulletList(askedWords(texts, asked, apis))}
    <p>${warning}</p>
    <form method="post" action="${issuerUrl}/oauth2/consent">
      <input type="hidden" name="request" value="${id}">
      <ul>
        <li><button class="button primary" name="decision" value="allow">${texts.allow}</button></li>
        <li><button class="button" name="decision" value="cancel">${common.cancel}</button></li>
      </ul>
    </form>
    ${brandFooter(brand, common)}`, { formTarget: redirectUri })
}
