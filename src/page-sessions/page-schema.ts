import { Type } from 'typebox'
import { problems } from '../http/problem-details.ts'

const PAGE = { description: 'A page.', content: { 'text/html': { schema: Type.String() } } }
const NO_FIELDS = Type.Object({}, { additionalProperties: false })
const COMMON_PROBLEMS = [
  'validation_failed', 'invalid_request', 'not_found', 'not_acceptable', 'rate_limited', 'service_unavailable'
] as const

/** The schema of a page that a person opens. All of these send a person who is not signed in to the sign-in page. */
export const pageSchema = (tag: string, summary: string) => ({
  summary,
  tags: [tag],
  response: {
    200: PAGE, 303: { description: 'To the sign-in page.', type: 'null' }, ...problems(...COMMON_PROBLEMS)
  }
})

/** The schema of a form, which has `body` or no fields. */
export const formSchema = (tag: string, summary: string) => ({
  ...pageSchema(tag, summary),
  body: NO_FIELDS,
  response: {
    200: PAGE,
    303: { description: 'Done: to the page that shows it.', type: 'null' },
    ...problems(...COMMON_PROBLEMS, 'reauthentication_required')
  }
})

/** `done` is a code of what has just been done. */
export const DoneQuery = Type.Object({ done: Type.Optional(Type.String({ maxLength: 40 })) })
export const ListQuery = Type.Object({
  done: Type.Optional(Type.String({ maxLength: 40 })),
  cursor: Type.Optional(Type.String({ maxLength: 200, pattern: '^[A-Za-z0-9_-]*$' }))
})
export const IdParams = Type.Object({ id: Type.String({ format: 'uuid' }) })
