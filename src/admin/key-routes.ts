import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { listQuery, pageOfAll, pageSchema } from '../http/lists.ts'
import { NullableText } from '../http/nullable.ts'
import { problems } from '../http/problem-details.ts'
import type { KeyInfo, KeyService } from '../keys/service.ts'
import { ADMIN_ERRORS, byAdmin } from './guard.ts'

const TAGS = ['Administration']
const security = [{ bearer: [] }]
const Time = NullableText({ format: 'date-time' })
const KeySchema = Type.Object({
  kid: Type.String(),
  alg: Type.String(),
  status: Type.Union([Type.Literal('next'), Type.Literal('current'), Type.Literal('retired')], {
    description: '`next` is published and will sign, `current` signs, `retired` verifies until its last token expires.'
  }),
  createdAt: Type.String({ format: 'date-time' }),
  activatedAt: Time,
  retiredAt: Time
}, { title: 'Key' })

export type AdminKey = Static<typeof KeySchema>

const KeysSchema = pageSchema(KeySchema)

export const adminKeyRoutes: FastifyPluginAsyncTypebox<{ keys: KeyService }> = async (app, { keys }) => {
  async function list (query: { limit: number, cursor?: string }) {
    const all = (await keys.list()).map(toKey)
    return pageOfAll(all, query, ({ createdAt, kid }) => ({ time: new Date(createdAt), id: toUuid(kid) }))
  }

  app.get('/admin/keys', {
    schema: {
      summary: 'Signing keys',
      description: 'Oldest first.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: KeysSchema, ...problems('validation_failed', ...ADMIN_ERRORS) }
    }
  }, ({ query }) => list(query))

  app.post('/admin/keys/rotate', {
    schema: {
      summary: 'Rotate the signing keys now',
      description: 'The next key becomes the current one. The previous key verifies until its last token expires.',
      tags: TAGS,
      security,
      response: { 200: KeysSchema, ...problems(...ADMIN_ERRORS) }
    }
  }, async (request) => {
    await keys.rotate(byAdmin(request))
    return await list({ limit: 100 })
  })
}

/** A cursor holds a UUID, and a `kid` is a hash. */
function toUuid (kid: string): string {
  const hex = Buffer.from(kid, 'base64url').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}

function toKey ({ kid, alg, status, createdAt, activatedAt, retiredAt }: KeyInfo): Static<typeof KeySchema> {
  return {
    kid,
    alg,
    status,
    createdAt: createdAt.toISOString(),
    activatedAt: activatedAt?.toISOString() ?? null,
    retiredAt: retiredAt?.toISOString() ?? null
  }
}
