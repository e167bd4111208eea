import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { fullFormats } from 'ajv-formats/dist/formats.js'
import fp from 'fastify-plugin'
import { parseUrl } from '../url.ts'

/**
 * Bodies are taken as they come: nothing is turned into another type, and what a closed schema does not know is refused,
 * not dropped (SEC-80). Queries and parameters are text by nature, and numbers in them are read.
 */
export const validation = fp(async (app) => {
  const body = createAjv(false)
  const text = createAjv(true)
  app.setValidatorCompiler(({ schema, httpPart }) => (httpPart === 'body' ? body : text).compile(schema as object))
}, { name: 'validation' })

function createAjv (coerceTypes: boolean): Ajv {
  const ajv = new Ajv({ coerceTypes, useDefaults: true, removeAdditional: false, allErrors: false, strict: false })
  addFormats.default(ajv)
  // Without the `urn:uuid:` that ajv-formats lets through and PostgreSQL does not.
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
  // Without the leap seconds of RFC 3339 (section 5.6), which no Date can hold.
  const { validate } = fullFormats['date-time'] as { validate: (text: string) => boolean }
  ajv.addFormat('date-time', (text: string) => validate(text) && !Number.isNaN(Date.parse(text)))
  ajv.addFormat('https-url', (text: string) => parseUrl(text)?.protocol === 'https:')
  ajv.addFormat('language-tag', isLanguageTag)
  return ajv
}

/** BCP 47, as ECMA-402 reads it: without the grandfathered tags and those for private use only. */
function isLanguageTag (text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1
  } catch {
    return false
  }
}
