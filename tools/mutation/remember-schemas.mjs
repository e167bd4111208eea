// Most of what an app costs to build is the compiling of its schemas. A test run for a mutant builds many apps, whose
// schemas are all the same but for the mutated one: the compiled functions are kept, by the schema's JSON.
import { createRequire } from 'node:module'

const fromHere = createRequire(import.meta.url)
const fromFastify = createRequire(
  createRequire(fromHere.resolve('fastify')).resolve('@fastify/fast-json-stringify-compiler')
)

function remember (compile, keyOf) {
  const known = new Map()
  return function (...args) {
    const key = keyOf.apply(this, args)
    if (!known.has(key)) known.set(key, compile.apply(this, args))
    return known.get(key)
  }
}

export function rememberSchemas () {
  const { Ajv } = fromHere('ajv')
  Ajv.prototype.compile = remember(Ajv.prototype.compile, function (schema) {
    return JSON.stringify([this.opts.coerceTypes, schema])
  })
  const file = fromFastify.resolve('fast-json-stringify')
  const compile = fromFastify(file)
  const compileOnce = remember(compile, (schema, { schema: others }) => JSON.stringify([schema, others]))
  fromFastify.cache[file].exports = Object.assign(compileOnce, compile)
}
