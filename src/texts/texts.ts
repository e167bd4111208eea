import type { FastifyRequest } from 'fastify'
import { LANGUAGE_COOKIE } from '../http/cookies.ts'
import { chooseLanguage, type Language } from './choose-language.ts'
import type { Texts } from './en.ts'

export type { Texts } from './en.ts'

/** Each language is loaded when it is first asked for. */
const LOADERS: Record<Language, () => Promise<Texts>> = {
  en: async () => (await import('./en.ts')).en,
  de: async () => (await import('./de.ts')).de,
  es: async () => (await import('./es.ts')).es,
  ja: async () => (await import('./ja.ts')).ja,
  ar: async () => (await import('./ar.ts')).ar
}

const MAX_UI_LOCALES_LENGTH = 200

/** The texts in the language of the person who sent the request. All pages take theirs from here. */
export async function textsOf (request: FastifyRequest): Promise<Texts> {
  return await LOADERS[languageOf(request)]()
}

/**
 * The language of the person who sent the request: by its `ui_locales`, by those that its sign-in began with, or by
 * `Accept-Language`.
 */
export function languageOf (request: FastifyRequest): Language {
  return chooseLanguage(uiLocales(request) ?? languageCookie(request), request.headers['accept-language'])
}

/** The languages that the request asks for by itself (OpenID Connect Core section 3.1.2.1). */
export function uiLocales ({ query, body }: FastifyRequest): string | undefined {
  return uiLocalesOf(query) ?? uiLocalesOf(body)
}

/** There are none yet where a request could not be read. */
function languageCookie ({ cookies }: Partial<Pick<FastifyRequest, 'cookies'>>): string | undefined {
  // A sibling host that plants one chooses among these languages, and nothing else.
  return cookies?.[`__Host-${LANGUAGE_COOKIE}`] ?? cookies?.[LANGUAGE_COOKIE]
}

function uiLocalesOf (parameters: unknown): string | undefined {
  if (typeof parameters !== 'object' || parameters === null) return undefined
  const value = Object.hasOwn(parameters, 'ui_locales') && (parameters as { ui_locales: unknown }).ui_locales
  return typeof value === 'string' && value.length <= MAX_UI_LOCALES_LENGTH ? value : undefined
}

/** Which way a language is written. */
export function directionOf (language: Language): 'ltr' | 'rtl' {
  return language === 'ar' ? 'rtl' : 'ltr'
}
