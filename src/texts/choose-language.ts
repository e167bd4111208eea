/** The languages that the pages are written in, the default first. */
export const LANGUAGES = ['en', 'de', 'es', 'ja', 'ar'] as const

export type Language = typeof LANGUAGES[number]

/** More ranges than any browser sends. */
const MAX_RANGES = 32

/**
 * The language of a person: the first of `ui_locales` (OpenID Connect Core section 3.1.2.1) that there is, else the
 * best of `Accept-Language` (RFC 9110 section 12.5.4), by the lookup of RFC 4647 section 3.4; else English.
 */
export function chooseLanguage (uiLocales = '', acceptLanguage = ''): Language {
  const wanted = uiLocales.trim().split(/\s+/).slice(0, MAX_RANGES)
  for (const range of [...wanted, ...byQuality(acceptLanguage)]) {
    const found = lookUp(range)
    if (found) return found
  }
  return LANGUAGES[0]
}

/** The ranges of Accept-Language, the best first, without those of quality 0. */
function byQuality (acceptLanguage: string): string[] {
  return acceptLanguage.split(',', MAX_RANGES)
    .map((entry) => {
      const [range = '', weight] = entry.split(';')
      const [, quality = '1'] = weight?.trim().match(/^q=([\d.]{1,5})$/i) ?? []
      return { range: range.trim(), quality: Number(quality) }
    })
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality)
    .map(({ range }) => range)
}

/** By the first subtag, which is all that these languages have: `de-AT` is German. */
function lookUp (range: string): Language | undefined {
  const [primary] = range.toLowerCase().split('-', 1)
  return LANGUAGES.find((language) => language === primary)
}
