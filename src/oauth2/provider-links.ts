import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CookiePolicy } from '../http/cookies.ts'
import { wantsHtml } from '../http/wants-html.ts'
import { html, type Markup } from '../pages/markup.ts'
import type { Parameters } from '../http/parameters.ts'
import type { Provider } from '../providers/provider.ts'
import { providerButtons } from '../sign-in/provider-buttons.ts'
import type { Texts } from '../texts/texts.ts'

const LENGTH = 32
const ENCODED = /^[\w-]{43}$/

/** The parameters of a provider's link: those of the request, and the provider. Only `resource` may be repeated. */
function linkQuery (parameters: Parameters, provider: string): URLSearchParams {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === 'string' && name !== 'provider' && name !== 'confirmation') query.append(name, value)
    if (name === 'resource' && Array.isArray(value)) value.forEach((each) => query.append(name, String(each)))
  }
  query.append('provider', provider)
  return query
}

/** A link for each provider, which repeats the request: a person may come back and choose another provider. */
export function providerLinks (
  texts: Texts,
  parameters: Parameters,
  providers: Pick<Provider, 'id' | 'name'>[],
  { usedLast, secret }: { usedLast: string | undefined, secret: string | undefined }
): Markup {
  if (providers.length === 0) return html`<p>${texts.signIn.none}</p>`
  const links = providers.map(({ id, name }) => {
    const query = linkQuery(parameters, id)
    if (secret !== undefined) query.append('confirmation', sign(query, secret).toString('base64url'))
    return { id, name, href: `?${query}` }
  })
  return providerButtons(texts, links, usedLast)
}

/**
 * The secret that confirms the links of this browser's pages. A cookie keeps it, which all tabs share. A page of
 * another site can neither read the links nor make one.
 */
export function confirmationSecret (request: FastifyRequest, reply: FastifyReply, cookies: CookiePolicy): string {
  const secret = readSecret(request, cookies) ?? randomBytes(LENGTH).toString('base64url')
  reply.setCookie(cookies.confirmationName, secret, cookies.confirmation)
  return secret
}

/**
 * True when a person clicked the provider's link on a page that this browser got for this very request. Also true for a
 * client that is no browser: pages cannot make it send a request. A browser asks for text/html when it navigates, and
 * adds Sec-Fetch-Site to whatever a page makes it load; scripts cannot remove that.
 */
export function isConfirmed (
  request: FastifyRequest, parameters: Parameters, provider: string, cookies: CookiePolicy
): boolean {
  if (!wantsHtml(request) && request.headers['sec-fetch-site'] === undefined) return true
  const secret = readSecret(request, cookies)
  const { confirmation } = parameters
  if (secret === undefined || typeof confirmation !== 'string' || !ENCODED.test(confirmation)) return false
  return timingSafeEqual(Buffer.from(confirmation, 'base64url'), sign(linkQuery(parameters, provider), secret))
}

function readSecret ({ cookies }: FastifyRequest, { confirmationName }: CookiePolicy): string | undefined {
  const value = cookies[confirmationName]
  return value !== undefined && ENCODED.test(value) ? value : undefined
}

function sign (query: URLSearchParams, secret: string): Buffer {
  return createHmac('sha256', secret).update(query.toString()).digest()
}
