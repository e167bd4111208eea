import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** HTML that is safe to send. Only `html` creates it. */
export class Markup {
  readonly text: string
  constructor (text: string) { this.text = text }
}

/** A template that escapes its values, except Markup. */
export function html (strings: TemplateStringsArray, ...values: (string | number | Markup | Markup[])[]): Markup {
  const toText = (value: string | number | Markup) => value instanceof Markup ? value.text : escape(String(value))
  const escaped = values.map((value) => [value].flat().map(toText).join(''))
  return new Markup(String.raw({ raw: strings }, ...escaped))
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape (text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

const STYLE = `
:root { color-scheme: light dark }
:root { --ink: #1b1f24; --paper: #fff; --line: #c4cad1; --accent: #0b57d0; --accent-ink: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eaed; --paper: #15181c; --line: #4a525c; --accent: #a8c7fa; --accent-ink: #0a2342 }
}
* { box-sizing: border-box }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
main { max-width: 26rem; margin: 0 auto; padding: 12vh 1.25rem 3rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem }
ul { list-style: none; margin: 1.5rem 0; padding: 0; display: grid; gap: .75rem }
.button { display: block; width: 100%; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem }
.button { background: none; color: inherit; font: inherit; text-align: center; text-decoration: none; cursor: pointer }
.button:hover { border-color: var(--accent) }
.button.primary { background: var(--accent); border-color: var(--accent); color: var(--accent-ink) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.together { white-space: nowrap }
code { font-size: .95em; overflow-wrap: anywhere }
a { color: var(--accent) }
label { display: block; font-weight: 600; margin-bottom: .25rem }
input[type=text] { width: 100%; padding: .75rem; border: 1px solid var(--line); border-radius: .5rem }
input[type=text] { background: none; color: inherit; font: inherit }
.quiet { opacity: .75 }
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** What a page may do beside the usual. */
export interface PageFreedoms {
  /** Where a form goes, or is redirected to, beside this server. */
  formTarget?: string
  /** The one script that runs. */
  script?: string
}

/** No scripts, no images, and only this style sheet. Forms go to this server, and on to where it redirects. */
function contentSecurityPolicy ({ formTarget, script }: PageFreedoms): string {
  return [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    ...script === undefined ? [] : [`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}'`],
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action 'self'${formTarget === undefined ? '' : ` ${toSource(new URL(formTarget))}`}`
  ].join('; ')
}

/** The source of a URL in a policy: an origin, or the scheme of an app. */
function toSource ({ protocol, host }: URL): string {
  return protocol === 'https:' || protocol === 'http:' ? `${protocol}//${host}` : protocol
}

const USUAL_POLICY = contentSecurityPolicy({})

/** Sends an HTML page: without scripts unless it is given one, accessible to screen readers, in light and dark. */
export function sendPage (
  reply: FastifyReply, title: string, content: Markup, freedoms?: PageFreedoms
): FastifyReply {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
${freedoms?.script === undefined ? [] : html`<script>${new Markup(freedoms.script)}</script>`}
</body>
</html>
`
  reply.header('content-security-policy', freedoms ? contentSecurityPolicy(freedoms) : USUAL_POLICY)
  return reply.type('text/html; charset=utf-8').send(page.text)
}

/** True when the client accepts text/html by name, as browsers do; a wildcard does not count. */
export function wantsHtml (request: FastifyRequest): boolean {
  return /\btext\/html\b/i.test(request.headers.accept ?? '')
}
