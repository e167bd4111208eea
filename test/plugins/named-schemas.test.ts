import t from 'tap'
import { nameSchemas } from '../../src/plugins/named-schemas.ts'

t.test('a schema with a name for its title is written once; another one of that title stays in place', async (t) => {
  const user = { type: 'object', title: 'User', properties: { id: { type: 'string' } }, required: ['id'] }
  const other = { type: 'object', title: 'User', properties: { name: { type: 'string' } } }
  const get = (schema: object) => ({ get: { responses: { 200: { content: { 'application/json': { schema } } } } } })
  const { paths, components } = nameSchemas({
    paths: { '/a': get(user), '/b': get({ type: 'array', items: user }), '/c': get(other) }
  })
  const reference = { $ref: '#/components/schemas/User' }
  t.same(paths, { '/a': get(reference), '/b': get({ type: 'array', items: reference }), '/c': get(other) })
  t.same(components, { schemas: { User: user } })
})
