import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { NullableText } from '../http/nullable.ts'
import { callerOf } from '../http/caller.ts'
import type { KeyInfo, KeyService } from '../keys/service.ts'
import { listQuery, pageOfAll, pageSchema } from '../http/lists.ts'
import { problems } from '../http/problem-details.ts'
import { ADMINISTRATION } from './guard.ts'

const TAGS = ['Administration']
const security = [{ bearer: [] }]
const Time = NullableText({ format: 'date-time' })
const KeySchema = Type.Object({
  kid: Type.String(),
  alg: Type.String(),
  status: Type.Union([Type.Literal('next'), Type.Literal('current'), Type.Literal('retired')]),
  createdAt: Type.String({ format: 'date-time' }),
  activatedAt: Time,
  retiredAt: Time
}, { title: 'Key', description: '`next` is published and does not sign yet, `current` signs, `retired` verifies until its last token is over.' })

const KeysSchema = pageSchema(KeySchema)

export const adminKeyRoutes: FastifyPluginAsyncTypebox<{ keys: KeyService }> = async (app, { keys }) => {
  async function list (query: { limit: number, cursor?: string }) {
    return pageOfAll((await keys.list()).map(toKey), query, ({ createdAt, kid }) => ({ time: new Date(createdAt), id: toUuid(kid) }))
  }

  app.get('/admin/keys', {
    schema: {
      summary: 'The signing keys',
      description: 'Oldest first.',
      tags: TAGS,
      security,
      querystring: Type.Object(listQuery, { additionalProperties: false }),
      response: { 200: KeysSchema, ...problems('validation_failed', ...ADMINISTRATION) }
    }
  }, ({ query }) => list(query))

  app.post('/admin/keys/rotate', {
    schema: {
      summary: 'Rotate the signing keys now',
      description: 'The next key signs from now on. The one before verifies until the last token that it signed is over.',
      tags: TAGS,
      security,
      response: { 200: KeysSchema, ...problems(...ADMINISTRATION) }
    }
  }, async (request) => {
    await keys.rotate({ actorId: request.bearer.sub, caller: callerOf(request) })
    return await list({ limit: 100 })
  })
}

/** A `kid` is a hash; cursors hold ids of this form. */
function toUuid (kid: string): string {
  return Buffer.from(kid, 'base64url').toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}

function toKey ({ kid, alg, status, createdAt, activatedAt, retiredAt }: KeyInfo): Static<typeof KeySchema> {
  return { kid, alg, status, createdAt: createdAt.toISOString(), activatedAt: activatedAt?.toISOString() ?? null, retiredAt: retiredAt?.toISOString() ?? null }
}
