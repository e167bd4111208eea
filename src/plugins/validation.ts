import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import fp from 'fastify-plugin'
import { parseUrl } from '../http/url.ts'

/**
 * Bodies are taken as they come: nothing is turned into another type, and what a closed schema does not know is refused,
 * not dropped (SEC-80). Queries and parameters are text by nature, and numbers in them are read.
 */
export const validation = fp(async (app) => {
  const body = createAjv(false)
  const text = createAjv(true)
  app.setValidatorCompiler(({ schema, httpPart }) => whenFirstUsed(() => (httpPart === 'body' ? body : text).compile(schema as object)))
}, { name: 'validation' })

/** Two hundred schemas, compiled before the first answer, were a third of the start. Tests ask every route. */
function whenFirstUsed (compile: () => ValidateFunction) {
  let compiled: ValidateFunction | undefined
  return function validate (value: unknown): boolean {
    compiled ??= compile()
    const isValid = compiled(value)
    Object.assign(validate, { errors: compiled.errors })
    return isValid
  }
}

function createAjv (coerceTypes: boolean): Ajv {
  const ajv = new Ajv({ coerceTypes, useDefaults: true, removeAdditional: false, allErrors: false, strict: false, meta: false, validateSchema: false })
  addFormats.default(ajv)
  // RFC 3339, without what JavaScript cannot read: leap seconds, and offsets in hours only.
  const isDateTime = (ajv.formats['date-time'] as { validate: (text: string) => boolean }).validate
  ajv.addFormat('date-time', (text: string) => isDateTime(text) && Number.isFinite(Date.parse(text)))
  // Without the `urn:uuid:` that ajv-formats lets through and PostgreSQL does not.
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
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
