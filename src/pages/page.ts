import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'
import { directionOf, languageOf } from '../texts/texts.ts'
import { brandHeader, type Brand } from './brand.ts'
import { html, Markup } from './markup.ts'
import { STYLE } from './style.ts'

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** What a page may do beside the usual. */
export interface PageFreedoms {
  /** Where a form goes, or is redirected to, beside this server. */
  formTarget?: string
  /** The one script that runs. */
  script?: string
  /** Whose page it is, where that is not this service. */
  brand?: Brand
  /** The way to other pages, which stands above the title. */
  navigation?: Markup
}

/**
 * No scripts, only this style sheet, and no image but the icon and the logo. Forms go to this server, and on to where
 * it redirects.
 */
function contentSecurityPolicy ({ formTarget, script }: PageFreedoms, logoUrl: string | undefined): string {
  return [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    ...script === undefined ? [] : [`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`],
    `img-src 'self'${logoUrl === undefined ? '' : ` ${toSource(new URL(logoUrl))}`}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action ${formSources(formTarget).join(' ')}`
  ].join('; ')
}

/**
 * Where forms may lead. Chromium holds it against every redirect that follows (w3c/webappsec-csp#8): a form that ends
 * at an app may lead wherever the app sends people next.
 */
function formSources (target: string | undefined): string[] {
  if (target === undefined) return ["'self'"]
  const source = toSource(new URL(target))
  return ["'self'", 'https:', ...source.startsWith('https:') ? [] : [source]]
}

/** The source of a URL in a policy: an origin, or the scheme of an app. */
function toSource ({ protocol, host }: URL): string {
  return protocol === 'https:' || protocol === 'http:' ? `${protocol}//${host}` : protocol
}

/**
 * Sends an HTML page: without scripts unless it is given one, accessible to screen readers, in light and dark. Title
 * and content are in the language of the request (`textsOf`).
 */
export function sendPage (
  reply: FastifyReply, title: string, content: Markup, freedoms?: PageFreedoms
): FastifyReply {
  const language = languageOf(reply.request)
  const { iconUrl, ...usualBrand } = reply.server.brand
  const { brand = usualBrand, ...others } = freedoms ?? {}
  const page = html`<!doctype html>
<html lang="${language}" dir="${directionOf(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · ${brand.name}</title>
<link rel="icon" href="${iconUrl}">
<style>${new Markup(STYLE)}</style>
</head>
<body>
${brandHeader(brand)}
<main>
${freedoms?.navigation ?? ''}
<h1>${title}</h1>
${content}
</main>
${freedoms?.script === undefined ? [] : html`<script>${new Markup(freedoms.script)}</script>`}
</body>
</html>
`
  addVary(reply, 'Accept', 'Accept-Language')
  reply.header('content-language', language)
  reply.header('content-security-policy', contentSecurityPolicy(others, brand.logoUrl))
  return reply.type('text/html; charset=utf-8').send(page.text)
}

/** Adds to what others have written into Vary, such as `Origin`. */
function addVary (reply: FastifyReply, ...names: string[]): void {
  const present = [reply.getHeader('vary') ?? []].flat().join(',').split(',').map((name) => name.trim())
  const isNew = (name: string) => !present.some((other) => other.toLowerCase() === name.toLowerCase())
  reply.header('vary', [...present.filter((name) => name !== ''), ...names.filter(isNew)].join(', '))
}
