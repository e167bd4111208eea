import t from 'tap'
import { generateClientTypes } from '../../tools/client-types/generate.ts'

t.test('the types are TypeScript, and those of named schemas have their names', async (t) => {
  const schema = { $ref: '#/components/schemas/User' }
  const types = await generateClientTypes({
    openapi: '3.1.0',
    info: { title: 'x', version: '1' },
    paths: { '/a': { get: { responses: { 200: { content: { 'application/json': { schema } } } } } } },
    components: { schemas: { User: { type: 'object', properties: { id: { type: 'string' } } } } }
  })
  t.match(types, /^\/\/ Written by `npm run client-types`/)
  t.match(types, '"application/json": components["schemas"]["User"]')
})
