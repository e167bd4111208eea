import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import fp from 'fastify-plugin'
import { parseUrl } from '../http/url.ts'

/**
 * Validates bodies as they are: no value is converted to another type, and a closed schema rejects unknown members
 * instead of dropping them (SEC-80). Queries and parameters are text, so numbers in them are parsed.
 */
export const validation = fp(async (app) => {
  const bodyAjv = createAjv({ coerceTypes: false })
  const textAjv = createAjv({ coerceTypes: true })
  app.setValidatorCompiler(({ schema, httpPart }) =>
    compileOnFirstUse(() => (httpPart === 'body' ? bodyAjv : textAjv).compile(schema as object)))
}, { name: 'validation' })

/** Compiling two hundred schemas took a third of the start. The tests call every route. */
function compileOnFirstUse (compile: () => ValidateFunction) {
  let compiled: ValidateFunction | undefined
  return function validate (value: unknown): boolean {
    compiled ??= compile()
    const isValid = compiled(value)
    Object.assign(validate, { errors: compiled.errors })
    return isValid
  }
}

function createAjv ({ coerceTypes }: { coerceTypes: boolean }): Ajv {
  const ajv = new Ajv({
    coerceTypes,
    useDefaults: true,
    removeAdditional: false,
    allErrors: false,
    strict: false,
    meta: false,
    validateSchema: false
  })
  addFormats.default(ajv)
  // RFC 3339 without what JavaScript cannot parse: leap seconds, and offsets without minutes.
  const isDateTime = (ajv.formats['date-time'] as { validate: (text: string) => boolean }).validate
  ajv.addFormat('date-time', (text: string) => isDateTime(text) && Number.isFinite(Date.parse(text)))
  // Without the `urn:uuid:` prefix, which ajv-formats accepts and PostgreSQL does not.
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i)
  ajv.addFormat('https-url', (text: string) => parseUrl(text)?.protocol === 'https:')
  ajv.addFormat('language-tag', isLanguageTag)
  return ajv
}

/** BCP 47, as ECMA-402 parses it: without grandfathered and private-use tags. */
function isLanguageTag (text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1
  } catch {
    return false
  }
}
