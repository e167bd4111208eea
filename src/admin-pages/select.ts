import { html, type Markup } from '../pages/markup.ts'

/** One of several values, with its label. */
export function select (
  name: string, label: string, value: string | undefined, options: [value: string, text: string][]
): Markup {
  const all = options.map(([option, text]) =>
    html`<option value="${option}"${option === (value ?? '') ? html` selected` : ''}>${text}</option>`)
  return html`<p><label for="${name}">${label}</label><select id="${name}" name="${name}">${all}</select></p>`
}
