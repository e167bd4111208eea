import type { FastifyReply, FastifyRequest } from 'fastify'
import { linkList, type Link } from '../pages/links.ts'
import { html } from '../pages/markup.ts'
import { sendPage } from '../pages/page.ts'
import type { TokenResponse } from '../sessions/service.ts'
import { textsOf } from '../texts/texts.ts'
import type { User } from '../users/user.ts'
import type { CompletedLogin } from './completed-login.ts'

export interface SignedInPageOptions {
  issuerUrl: string
  /** The page where people see and change what is stored about them. */
  accountUrl?: string | undefined
}

/** After a login that no app asked for: who signed in, and the tokens, behind a disclosure. */
export async function sendSignedInPage (
  request: FastifyRequest,
  reply: FastifyReply,
  { tokens, user }: { tokens: TokenResponse, user: User },
  { issuerUrl, accountUrl }: SignedInPageOptions
): Promise<FastifyReply> {
  const { signedIn } = await textsOf(request)
  const me = `curl ${issuerUrl}/me -H "Authorization: Bearer ${tokens.access_token}"`
  const refresh = `curl ${issuerUrl}/oauth2/token -d grant_type=refresh_token -d refresh_token=${tokens.refresh_token}`
  return sendPage(reply, signedIn.title, html`
    <p>${user.name === null ? signedIn.nameless : signedIn.as(user.name)}</p>
    ${linkList(accountUrl === undefined ? [] : [{ href: accountUrl, text: signedIn.account }])}
    <details><summary>${signedIn.tokens}</summary>
      <p>${signedIn.tokensUse}</p>
      <pre dir="ltr" tabindex="0" role="group" aria-label="${signedIn.accessToken}"><code>${me}</code></pre>
      <p>${signedIn.tokensRefresh(Math.round(tokens.expires_in / 60))}</p>
      <pre dir="ltr" tabindex="0" role="group" aria-label="${signedIn.refreshToken}"><code>${refresh}</code></pre>
    </details>`)
}

/** A callback that was loaded again, after its login succeeded. */
export async function sendAlreadySignedInPage (
  request: FastifyRequest,
  reply: FastifyReply,
  { isDirect, backTo }: CompletedLogin,
  { issuerUrl, accountUrl }: SignedInPageOptions
): Promise<FastifyReply> {
  const { signedIn, common } = await textsOf(request)
  const steps: Link[] = []
  if (backTo) steps.push({ href: backTo.url, text: common.backTo(backTo.name) })
  if (isDirect && accountUrl !== undefined) steps.push({ href: accountUrl, text: signedIn.account })
  if (isDirect) steps.push({ href: `${issuerUrl}/login`, text: signedIn.signInAgain })
  reply.header('cache-control', 'no-store')
  return sendPage(reply, signedIn.title, html`<p>${signedIn.again}</p>${linkList(steps)}`)
}
