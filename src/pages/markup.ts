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

/** Sentences one below the other. */
export function bulletList (items: string[]): Markup {
  return html`<ul class="bullets">${items.map((item) => html`<li>${item}</li>`)}</ul>`
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape (text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
