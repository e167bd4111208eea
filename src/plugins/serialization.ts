import fastJsonStringify from 'fast-json-stringify'
import fp from 'fastify-plugin'

/** Fastify's own serializers, each compiled when its route first answers so and not before the first answer of all. */
export const serialization = fp(async (app) => {
  app.setSerializerCompiler(({ schema }) => {
    let serialize: ((value: unknown) => string) | undefined
    return (value) => (serialize ??= fastJsonStringify(schema as object))(value)
  })
}, { name: 'serialization' })
