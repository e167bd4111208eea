import { parseJson } from '../http/json.ts'
import { RefusedByApi } from '../page-sessions/api.ts'

/** The JSON object in a field of a form, `{}` for an empty field. Refuses any other text as the API would. */
export function parseObject (name: string, text: string): object {
  const value = text.trim() === '' ? {} : parseJson(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  const errors = [{ path: `body/${name}` }]
  throw new RefusedByApi({ code: 'validation_failed', detail: `${name} must be a JSON object.`, errors })
}
