import fastJsonStringify from 'fast-json-stringify'
import fp from 'fastify-plugin'

/** Fastify's serializers, each compiled when its route first uses it: compiling all of them would delay the start. */
export const serialization = fp(async (app) => {
  app.setSerializerCompiler(({ schema }) => {
    let serialize: ((value: unknown) => string) | undefined
    return (value) => (serialize ??= fastJsonStringify(schema as object))(value)
  })
}, { name: 'serialization' })
