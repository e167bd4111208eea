import type { Static, TArray } from 'typebox'
import { Value } from 'typebox/value'
import { parseJson } from '../http/json.ts'
import type { Check } from './check.ts'

/** The setting `name`, a list in JSON. Reports the first mistake, with `example` for what is no JSON. */
export function readJsonList<Schema extends TArray> (
  { name, json, schema, example }: { name: string, json: string, schema: Schema, example: string }, check: Check
): Static<Schema> | undefined {
  const value = parseJson(json)
  if (value === undefined) check(false, `${name} must be JSON, such as ${example}`)
  else if (Value.Check(schema, value)) return value
  else {
    const [error] = Value.Errors(schema, value)
    check(false, `${name}${error?.instancePath} ${error?.message}`)
  }
  return undefined
}
