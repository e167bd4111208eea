import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import fp from 'fastify-plugin'

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
  return ajv
}
