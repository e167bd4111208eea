import { html, type Markup } from '../pages/markup.ts'
import { RefusedByApi } from './api.ts'

export interface Field {
  label: string
  hint?: string
  value?: string | undefined
  type?: 'text' | 'number' | 'lines'
  required?: boolean
  autocomplete?: string
}

/**
 * A labelled field. One that was refused says so to a screen reader, and points to the message of the page. Lines are
 * of code, which is written from left to right.
 */
export function field (name: string, { label, hint, value = '', ...more }: Field, refusal?: RefusedByApi): Markup {
  const { type = 'text', required = false, autocomplete = 'off' } = more
  const isRefused = refusal?.fields.includes(name) ?? false
  const descriptions = [...hint === undefined ? [] : [`${name}-hint`], ...isRefused ? ['problem'] : []]
  const attributes = html`id="${name}" name="${name}"${required ? html` required` : ''}${
    isRefused ? html` aria-invalid="true"` : ''}${
    descriptions.length > 0 ? html` aria-describedby="${descriptions.join(' ')}"` : ''}`
  return html`<p><label for="${name}">${label}</label>
    ${hint === undefined ? '' : html`<span class="hint" id="${name}-hint">${hint}</span>`}
    ${type === 'lines'
      ? html`<textarea ${attributes} rows="4" dir="ltr" spellcheck="false">${value}</textarea>`
      : html`<input type="${type}" ${attributes} value="${value}" dir="auto" autocomplete="${autocomplete}">`}</p>`
}

export interface Choice { name: string, value: string, label: string, checked?: boolean }

/** Boxes or circles to choose from, in a group with a name. */
export function choices (type: 'checkbox' | 'radio', legend: string, all: Choice[]): Markup {
  const inputs = all.map(({ name, value, label, checked }) => html`<label>
    <input type="${type}" name="${name}" value="${value}"${checked ? html` checked` : ''}> ${label}</label>`)
  return html`<fieldset><legend>${legend}</legend>${inputs}</fieldset>`
}

export function button (label: string, kind: 'primary' | 'usual' | 'danger' = 'usual'): Markup {
  return html`<button class="button ${kind}">${label}</button>`
}

/** A form of one button, which does something at once. */
export function oneButtonForm (action: string, label: string, description?: string): Markup {
  const named = description === undefined ? '' : html` aria-label="${`${label}: ${description}`}"`
  return html`<form method="post" action="${action}"><button class="button"${named}>${label}</button></form>`
}

/** The question before what cannot be undone: a button that does it, and the way back. */
export function confirmationForm (
  action: string, { label, cancel, back }: { label: string, cancel: string, back: string }
): Markup {
  return html`<form method="post" action="${action}">
    <ul><li>${button(label, 'danger')}</li><li><a class="button" href="${back}">${cancel}</a></li></ul></form>`
}

/** The entries of a field of several lines, or of boxes of one name. */
export function readLines (value: string | string[] | undefined): string[] {
  return [value ?? []].flat().flatMap((text) => text.split(/\r?\n/)).map((line) => line.trim()).filter(Boolean)
}

/**
 * Does what a form asks for. Where the API refuses what the person wrote, `showAgain` sends the form once more; any
 * other error is thrown.
 */
export async function submit<Result> (
  work: () => Promise<Result>, showAgain: (refusal: RefusedByApi) => Result | Promise<Result>
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    const isAboutInput = error instanceof RefusedByApi && [400, 409, 413].includes(error.status)
    if (!isAboutInput) throw error
    return await showAgain(error)
  }
}
